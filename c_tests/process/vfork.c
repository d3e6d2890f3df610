/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A vfork child borrows its parent's memory: neither its start nor its end nor its exec changes a count. */
#include "harness.h"

static int id;
static volatile long seen_by_child;

int main(int argc, char **argv)
{
    (void)argv;
    if (argc == 2)
        return 0;
    id = NEW_SEGMENT(100, 0600);
    char *volatile memory = ATTACH(id, NULL, 0);
    pid_t child = vfork();
    if (child == 0) {
        seen_by_child = NATTCH(id);
        memory[0] = 'v';
        _exit(0);
    }
    EXPECT_EXIT(child, 0);
    CHECK_EQ(seen_by_child, 1);
    CHECK_EQ(memory[0], 'v');
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(FIELDS(id).shm_lpid, getpid());
    CHECK_EQ(FIELDS(id).shm_dtime, 0);

    child = vfork();
    if (child == 0) {
        execl("/proc/self/exe", "vfork", "again", (char *)NULL);
        _exit(1);
    }
    EXPECT_EXIT(child, 0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(FIELDS(id).shm_lpid, getpid());
    CHECK_EQ(FIELDS(id).shm_dtime, 0);

    child = vfork();
    if (child == 0) { /* What it detaches, its parent has no more. */
        shmdt(memory);
        _exit(0);
    }
    EXPECT_EXIT(child, 0);
    CHECK(!is_mapped(memory));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    return 0;
}
