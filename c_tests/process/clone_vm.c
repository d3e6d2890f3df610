/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process that shares its parent's memory (CLONE_VM) shares the attachments: each detaches for both. */
#include "harness.h"

enum { STACK = 1 << 18 };

static int id;
static char *first, *second;
static struct shmid_ds seen;

/* Returns without a check: a failed one would run the parent's exit handlers. */
static int sharer(void *nothing)
{
    (void)nothing;
    if (shmctl(id, IPC_STAT, &seen) != 0 || seen.shm_nattch != 1)
        return 1;
    if (shmdt(first) != 0)
        return 2;
    if (shmctl(id, IPC_STAT, &seen) != 0 || seen.shm_nattch != 0)
        return 3;
    second = shmat(id, NULL, 0);
    return second == (void *)-1 ? 4 : 0;
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    first = ATTACH(id, NULL, 0);
    char *stack = reserve(STACK / (long)page_size(), PROT_READ | PROT_WRITE);
    pid_t child = clone(sharer, stack + STACK, CLONE_VM | SIGCHLD, NULL);
    CHECK_OK(child);
    EXPECT_EXIT(child, 0);
    CHECK(!is_mapped(first) || first == second);
    CHECK_EQ(NATTCH(id), 1); /* What the child attached outlives it. */
    if (on_kernel()) /* The library sees one member of the namespace in both: see deviations/clone_vm_pid.c. */
        CHECK_EQ(FIELDS(id).shm_lpid, child);
    second[0] = 's';
    CHECK_OK(shmdt(second));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(FIELDS(id).shm_lpid, getpid());
    return 0;
}
