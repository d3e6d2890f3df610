/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process with one attachment that makes no other call forks thousands of children that end at once, where not a byte
 * more can be stored: the last one is counted like the first, and a fork costs no room that would not come back.
 */
#include "surroundings.h"

enum { FORKS = 3000, ROOM_MIB = 4 };

static int id;
static char *memory;

static void fork_and_end(int times)
{
    for (int i = 0; i < times; i++) {
        pid_t child = fork();
        CHECK_OK(child);
        if (child == 0)
            _exit(0);
        CHECK_EQ(status_of(child), 0);
    }
}

static void check_forks(void)
{
    fork_and_end(FORKS);
    struct channel ready = new_channel(), go = new_channel();
    pid_t last = fork();
    CHECK_OK(last);
    if (last == 0) {
        put_number(ready, NATTCH(id));
        get_number(go);
        _exit(0);
    }
    CHECK_EQ(get_number(ready), 2);
    CHECK_EQ(NATTCH(id), 2);
    put_number(go, 0);
    EXPECT_EXIT(last, 0);
    CHECK_EQ(NATTCH(id), 1);
}

static long stored_bytes;

static void add_bytes(const char *path, const char *name)
{
    struct stat status;
    (void)name;
    if (stat(path, &status) == 0)
        stored_bytes += status.st_blocks * 512;
}

static long bytes_in_namespace(void)
{
    stored_bytes = 0;
    each_file(add_bytes);
    return stored_bytes;
}

static void all(void *nothing)
{
    (void)nothing;
    char options[40];
    own_mounts();
    if (!on_kernel()) {
        snprintf(options, sizeof options, "size=%dm,mode=700", ROOM_MIB);
        mount_memory(namespace_directory(), options);
    }
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    fork_and_end(1);
    long before = bytes_in_namespace();
    if (!on_kernel())
        fill(namespace_directory());
    long full = bytes_in_namespace();
    check_forks();
    CHECK_EQ(bytes_in_namespace(), full);
    if (!on_kernel()) {
        char path[600];
        snprintf(path, sizeof path, "%s/full", namespace_directory());
        CHECK_OK(unlink(path));
    }
    fork_and_end(100); /* With room, it is not taken either. */
    CHECK(bytes_in_namespace() <= before + (64 << 10));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    REMOVE(id);
}

int main(void)
{
    RUN_CHILD(all, NULL);
    return 0;
}
