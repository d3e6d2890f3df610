/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A forked child has its parent's attachments: one more each, in the parent's name, for the same memory. */
#include "harness.h"

static int id;
static char *memory;
static struct channel to_child, to_parent;

static void child(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 4); /* Two attachments in two processes. */
    get_number(to_child);
    CHECK_EQ(memory[0], 'p');
    memory[1] = 'c';
    put_number(to_parent, 1);
    get_number(to_child);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 3);
    CHECK_EQ(FIELDS(id).shm_lpid, getpid());
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

int main(void)
{
    to_child = new_channel();
    to_parent = new_channel();
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    ATTACH(id, NULL, SHM_RDONLY);
    time_t attached = FIELDS(id).shm_atime;
    next_second();
    time_t from = seconds_now();
    pid_t forked = start_child(child, NULL);
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 4);
    CHECK_EQ(fields.shm_lpid, getpid());
    CHECK_STAMPED(fields.shm_atime, from);
    CHECK(fields.shm_atime > attached);
    CHECK_EQ(fields.shm_dtime, 0);
    memory[0] = 'p';
    put_number(to_child, 1);
    get_number(to_parent);
    CHECK_EQ(memory[1], 'c');
    put_number(to_child, 2);
    EXPECT_EXIT(forked, 0);
    fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 2);
    CHECK_EQ(fields.shm_lpid, forked);
    CHECK_STAMPED(fields.shm_dtime, from);
    CHECK_OK(shmdt(memory)); /* The child's detach was its own. */
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
