/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The numbers that a program has compiled in, the same on every machine. */
#include "harness.h"

#define IS(name, value) _Static_assert((name) == (value), #name)

IS(IPC_PRIVATE, 0);
IS(IPC_RMID, 0);
IS(IPC_SET, 1);
IS(IPC_STAT, 2);
IS(IPC_INFO, 3);
IS(IPC_CREAT, 01000);
IS(IPC_EXCL, 02000);
IS(IPC_NOWAIT, 04000);
IS(SHM_LOCK, 11);
IS(SHM_UNLOCK, 12);
IS(SHM_STAT, 13);
IS(SHM_INFO, 14);
IS(SHM_STAT_ANY, 15);
IS(SHM_R, 0400);
IS(SHM_W, 0200);
IS(SHM_HUGETLB, 04000);
IS(SHM_NORESERVE, 010000);
IS(SHM_RDONLY, 010000);
IS(SHM_RND, 020000);
IS(SHM_REMAP, 040000);
IS(SHM_EXEC, 0100000);
IS(SHM_DEST, 01000);
IS(SHM_LOCKED, 02000);
IS(SHM_HUGE_SHIFT, 26);

/* What they mean to the implementation: each seen in what it does. */
int main(void)
{
    struct shminfo limits;
    int id = shmget(IPC_PRIVATE, 100, 01000 | 02000 | 0600);
    CHECK_OK(removed_at_end(id));
    void *memory = shmat(id, NULL, 010000);
    CHECK(memory != (void *)-1);
    CHECK_EQ(store_signal(memory), SIGSEGV);
    CHECK(shmat(id, memory, 040000) == memory);
    CHECK(shmctl(0, 3, (struct shmid_ds *)&limits) >= 0);
    CHECK_EQ(limits.shmmin, 1);
    CHECK_EQ(limits.shmmni, 4096);
    CHECK_EQ(limits.shmseg, limits.shmmni);
    CHECK(limits.shmmax == ~0UL - (1 << 24));
    CHECK(limits.shmall == ~0UL - (1 << 24));
    CHECK_OK(shmctl(id, 11, NULL));
    CHECK_EQ(MODE(id), 02600);
    CHECK_OK(shmctl(id, 12, NULL));
    CHECK_OK(shmctl(id, 0, NULL));
    CHECK_EQ(MODE(id), 01600);
    return 0;
}
