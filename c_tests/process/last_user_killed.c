/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SIGKILL of a removed segment's last user frees it: the id is unknown at the next call, and nothing is left. */
#include "harness.h"

static int id;
static struct channel ready;

static void user(void *nothing)
{
    (void)nothing;
    ATTACH(id, NULL, 0)[0] = 'u';
    put_number(ready, 1);
    for (;;)
        pause();
}

static void users_killed(int users)
{
    pid_t child[2];
    id = NEW_SEGMENT(1 << 20, 0600);
    for (int i = 0; i < users; i++) {
        child[i] = start_child(user, NULL);
        get_number(ready);
    }
    REMOVE(id);
    for (int i = 0; i < users; i++) {
        CHECK_EQ(NATTCH(id), users - i);
        CHECK_OK(kill(child[i], SIGKILL));
        EXPECT_SIGNAL(child[i], SIGKILL);
    }
}

static int attach(int segment)
{
    return shmat(segment, NULL, 0) == (void *)-1 ? -1 : 0;
}

static int control(int segment, int cmd)
{
    struct shmid_ds fields = {.shm_perm = {.mode = 0600}};
    return shmctl(segment, cmd, &fields);
}

/* Whichever call is the first to come after the death finds nothing, and so does the next. */
static void first_call(int which)
{
    static const int commands[] = {IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_STAT_ANY};
    if (which == 7)
        CHECK_ERRNO(attach(id), EINVAL);
    else if (commands[which] == SHM_STAT || commands[which] == SHM_STAT_ANY)
        CHECK_ERRNO(control(id & 0x7fff, commands[which]), EINVAL);
    else
        CHECK_ERRNO(control(id, commands[which]), EINVAL);
    CHECK_GONE(id);
    CHECK_ERRNO(attach(id), EINVAL);
}

/* Found by somebody who asks for nothing in particular. */
static void forgotten(void)
{
    id = NEW_SEGMENT(1 << 20, 0600);
    pid_t child = start_child(user, NULL);
    get_number(ready);
    REMOVE(id);
    CHECK_OK(kill(child, SIGKILL));
    EXPECT_SIGNAL(child, SIGKILL);
    int other = NEW_SEGMENT(100, 0600);
    REMOVE(other);
}

int main(void)
{
    ready = new_channel();
    for (int which = 0; which < 8; which++) {
        users_killed(1 + which % 2);
        first_call(which);
    }
    forgotten();
    return 0;
}
