/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A reader that never stops looking: whatever others are killed in, in however long a list, it never sees fewer than
 * are attached all the time, and never more than may be.
 */
#include "harness.h"

enum { OWN = 3, KILLS = 50, ONCE = 3000 };

static int id, other;
static struct channel started;

struct seen {
    _Atomic long looks, lowest, highest;
};

/* Its inherited attachments count too. */
static void read_for_ever(void *argument)
{
    struct seen *seen = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        long shown = NATTCH(id);
        if (seen->looks == 0 || shown < seen->lowest)
            seen->lowest = shown;
        if (shown > seen->highest)
            seen->highest = shown;
        seen->looks++;
    }
}

static void attach_for_ever(void *nothing)
{
    (void)nothing;
    put_number(started, 0);
    for (;;)
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
}

static void attach_once(void *nothing)
{
    (void)nothing;
    for (int i = 0; i < ONCE; i++)
        ATTACH(other, NULL, 0);
}

int main(void)
{
    started = new_channel();
    id = NEW_SEGMENT(100, 0600);
    other = NEW_SEGMENT(100, 0600);
    RUN_CHILD(attach_once, NULL);
    for (int i = 0; i < OWN; i++)
        ATTACH(id, NULL, 0);
    struct seen *seen = shared_with_children(sizeof *seen);
    pid_t reader = start_child(read_for_ever, seen);
    srandom(1);
    for (int i = 0; i < KILLS; i++) {
        pid_t victim = start_child(attach_for_ever, NULL);
        get_number(started);
        for (long turns = random() % 40; turns > 0; turns--)
            sched_yield();
        CHECK_OK(kill(victim, SIGKILL));
        EXPECT_SIGNAL(victim, SIGKILL);
        CHECK_EQ(NATTCH(id), 2 * OWN);
    }
    CHECK_OK(kill(reader, SIGKILL));
    EXPECT_SIGNAL(reader, SIGKILL);
    CHECK(seen->looks > 0);
    CHECK_EQ(seen->lowest, 2 * OWN);
    /* The victim's: inherited, and the one that comes and goes; the kernel counts that twice while it is made. */
    CHECK(seen->highest <= 3 * OWN + 2);
    CHECK_EQ(NATTCH(id), OWN);
    return 0;
}
