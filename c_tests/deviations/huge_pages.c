/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Huge pages come from a mount of hugetlbfs that the process may write to. The kernel's own segments need none: where
 * there is none, whoever asks gets ENOMEM, as from an empty pool. With SHM_NORESERVE that pool would hand out memory that
 * kills with SIGBUS; here it is ENOMEM as well, at once, and programs that try huge pages first fall back to ordinary
 * ones. A directory that is named and is on no hugetlbfs is no such mount, and nothing is left in it.
 */
#include "harness.h"

int main(void)
{
    need_root();
    const char *elsewhere = new_directory();
    CHECK_OK(setenv("PARTAGE_HUGE_DIR", elsewhere, 1));
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), ENOMEM);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | SHM_NORESERVE | 0600), ENOMEM);
    CHECK_OK(setenv("PARTAGE_HUGE_DIR", "/nowhere", 1));
    key_t key = unique_key();
    CHECK_ERRNO(shmget(key, 100, SHM_HUGETLB | SHM_NORESERVE | IPC_CREAT | 0600), ENOMEM);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    CHECK_OK(shmget(key, 100, IPC_CREAT | 0600));
    CHECK_OK(rmdir(elsewhere));
    return 0;
}
