/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The dtime of a process that was killed is the time at which its death is noticed, by the next call that looks at
 * the segment: nobody of the library was there when it died. The count and, here, lpid are the kernel's.
 */
#include "harness.h"

static int id;
static struct channel attached;

static void attach_and_wait(void *unused)
{
    (void)unused;
    ATTACH(id, NULL, 0);
    put_number(attached, 0);
    pause();
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    attached = new_channel();
    pid_t child = start_child(attach_and_wait, NULL);
    get_number(attached);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(kill(child, SIGKILL));
    EXPECT_SIGNAL(child, SIGKILL);
    next_second();
    time_t dead_for_long = seconds_now();
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 0);
    CHECK_EQ(fields.shm_lpid, child);
    CHECK_STAMPED(fields.shm_dtime, dead_for_long);
    next_second();
    CHECK_EQ(FIELDS(id).shm_dtime, fields.shm_dtime); /* noticed once */
    return 0;
}
