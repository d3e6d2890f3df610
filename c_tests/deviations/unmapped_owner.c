/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process that moves into a user namespace without a map for its user is nobody from there on, to itself: the kernel
 * still knows that it owns its segments, a library cannot. Its calls on them are refused as a stranger's; what it has
 * attached stays, is counted, and can be detached. Who cannot become another user is asked once who he is, before he
 * moves: he stays the owner, as for the kernel.
 */
#include "harness.h"

static void unmapped(void *argument)
{
    int id = *(int *)argument;
    char *memory = ATTACH(id, NULL, 0);
    bool can_change = geteuid() == 0;
    if (unshare(CLONE_NEWUSER) == -1)
        SKIP("no user namespace: %s", strerror(errno));
    if (can_change)
        CHECK_ERRNO(shmctl(id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    else
        CHECK_OK(shmctl(id, IPC_STAT, &(struct shmid_ds){0}));
    memory[0] = 'm';
    CHECK_OK(shmdt(memory));
    CHECK(!is_mapped(memory));
}

int main(void)
{
    int id = NEW_SEGMENT(100, 0600);
    RUN_CHILD(unmapped, &id);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
