/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Huge pages are not supplied: whoever asks for them gets what a kernel with an empty pool says, ENOMEM. With
 * SHM_NORESERVE that kernel would hand out memory that kills with SIGBUS; here it is ENOMEM as well, at once, and
 * programs that try huge pages first fall back to ordinary ones.
 */
#include "harness.h"

int main(void)
{
    need_root();
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), ENOMEM);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | SHM_NORESERVE | 0600), ENOMEM);
    key_t key = unique_key();
    CHECK_ERRNO(shmget(key, 100, SHM_HUGETLB | SHM_NORESERVE | IPC_CREAT | 0600), ENOMEM);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    CHECK_OK(shmget(key, 100, IPC_CREAT | 0600));
    return 0;
}
