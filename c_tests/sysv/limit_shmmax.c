/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHMMAX: the largest segment that may be created. It counts bytes, and only at creation. */
#include "limits.h"

static void ten_thousand(void)
{
    key_t key = unique_key();
    CHECK_ERRNO(shmget(key, 10001, IPC_CREAT | 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 10001, 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 10001, SHM_HUGETLB | 0600), EINVAL);
    CHECK_ERRNO(shmget(key, 10001, 0600), ENOENT);
    int id = shmget(key, 10000, IPC_CREAT | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    if (on_kernel()) /* The limits of a partage namespace do not change once it is there. */
        CHECK(write_sysctl("shmmax", "100"));
    char *again = ATTACH(id, NULL, 0);
    CHECK_EQ(shmget(key, 10000, 0), id);
    CHECK_EQ(shmget(key, 10000, IPC_CREAT | 0600), id);
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmdt(again));
}

static void zero(void)
{
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
}

/* Only with the limit out of the way can a size overflow when rounded to pages. */
static void without_limit(void)
{
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)-1, 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)-1, SHM_HUGETLB | 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 63, SHM_NORESERVE | 0600), EINVAL);
}

int main(void)
{
    with_limits((struct limits){.shmmax = "10000"}, ten_thousand);
    with_limits((struct limits){.shmmax = "0"}, zero);
    with_limits((struct limits){.shmmax = "18446744073709551615"}, without_limit);
    return 0;
}
