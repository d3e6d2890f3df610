/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a process has attached stays usable when it leaves the IPC namespace, and counts where it was made. */
#include "harness.h"

static void leave(void *argument)
{
    char *memory = *(char **)argument;
    if (unshare(CLONE_NEWIPC) == -1)
        SKIP("no IPC namespace of its own: %s", strerror(errno));
    CHECK_EQ(memory[0], 5);
    memory[0] = 6;
    CHECK_OK(shmdt(memory));
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

int main(void)
{
    int id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 5;
    pid_t child = start_child(leave, &memory);
    EXPECT_EXIT(child, PASSED);
    CHECK_EQ(memory[0], 6);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(FIELDS(id).shm_lpid, child);
    return 0;
}
