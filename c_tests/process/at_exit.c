/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls from exit handlers and destructors work, and what a process leaves attached goes with it, however often it is. */
#include "surroundings.h"

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

static int files;

static void count(const char *path, const char *name)
{
    (void)path;
    files += strncmp(name, "segment-", 8) == 0;
}

static void leave_one_attached_twice(void *nothing)
{
    (void)nothing;
    int removed = shmget(IPC_PRIVATE, 100, 0600);
    ATTACH(removed, NULL, 0);
    ATTACH(removed, NULL, SHM_RDONLY);
    REMOVE(removed);
    CHECK_EQ(NATTCH(removed), 2);
    exit(0);
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    RUN_CHILD(child, NULL);
    CHECK_EQ(NATTCH(id), 1);
    /* Nobody makes a call in between who would look after it. */
    RUN_CHILD(leave_one_attached_twice, NULL);
#ifdef __BIONIC__
    bool looks_at_exit = false; /* Its linker calls no destructors of libraries at exit: the next call looks. */
#else
    bool looks_at_exit = true;
#endif
    if (!on_kernel() && looks_at_exit) {
        each_file(count);
        CHECK_EQ(files, 1);
    }
    return 0;
}
