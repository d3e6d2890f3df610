/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHMMNI: how many segments there may be, removed but attached ones included. Looked at last. */
#include "limits.h"

static void three(void)
{
    key_t key = unique_key();
    int first = shmget(key, 1, IPC_CREAT | 0600), second = NEW_SEGMENT(1, 0600);
    CHECK_OK(first);
    NEW_SEGMENT(1, 0600);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    CHECK_ERRNO(shmget(unique_key(), 1, IPC_CREAT | 0600), ENOSPC);
    CHECK_EQ(shmget(key, 1, IPC_CREAT | 0600), first);
    CHECK_ERRNO(shmget(key, 1, IPC_CREAT | IPC_EXCL | 0600), EEXIST);

    char *memory = ATTACH(second, NULL, 0);
    REMOVE(second);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    CHECK_OK(shmdt(memory));
    int fourth = NEW_SEGMENT(1, 0600);
    CHECK(fourth != second);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
}

static void zero(void)
{
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 50, 0600), ENOMEM);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 63, 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, SHM_HUGETLB | (int)(63u << SHM_HUGE_SHIFT) | 0600), EINVAL);
}

static void as_many_as_there_can_be(void)
{
    for (int i = 0; i < 32768; i++)
        CHECK_OK(shmget(IPC_PRIVATE, 1, 0600));
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    CHECK_OK(shmctl(32767, SHM_STAT, &(struct shmid_ds){0}));
}

int main(void)
{
    with_limits((struct limits){.shmmni = "3"}, three);
    with_limits((struct limits){.shmmni = "0"}, zero);
    with_limits((struct limits){.shmmni = "32768"}, as_many_as_there_can_be);
    return 0;
}
