/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls from exit handlers and destructors work, and what they leave attached goes with the process. */
#include "harness.h"

static int id;
static char *memory;

static void in_handler(void)
{
    struct shmid_ds fields;
    void *more = shmat(id, NULL, 0);
    if (more == (void *)-1 || shmdt(memory) != 0 || shmctl(id, IPC_STAT, &fields) != 0 || fields.shm_nattch != 2)
        _exit(9);
}

static void child(void *nothing)
{
    (void)nothing;
    CHECK_EQ(atexit(in_handler), 0);
    exit(0);
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    RUN_CHILD(child, NULL);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
