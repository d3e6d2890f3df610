/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * lpid is the process that took part in the namespace. A child that shares the memory of its parent without being
 * a thread of it (CLONE_VM) acts through its parent's part, so lpid is the parent's where the kernel's is the child's.
 */
#include "harness.h"

enum { STACK = 1 << 18 };

static int id;

static int attach(void *unused)
{
    (void)unused;
    return shmat(id, NULL, 0) == (void *)-1;
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    char *stack = reserve(STACK / (long)page_size(), PROT_READ | PROT_WRITE);
    pid_t child = clone(attach, stack + STACK, CLONE_VM | SIGCHLD, NULL);
    CHECK_OK(child);
    EXPECT_EXIT(child, 0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(FIELDS(id).shm_lpid, getpid());
    return 0;
}
