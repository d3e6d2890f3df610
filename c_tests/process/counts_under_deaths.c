/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Children that inherit many attachments are killed while others are born and somebody creates and removes segments all
 * the time: every segment's count is the number of the living, and a removed one stays until its last user has gone.
 */
#include "left.h"

enum { SEGMENTS = 16, STAYING = 20, ROUNDS = 12, CREATORS = 2 };

static int id[SEGMENTS];
static char *memory[SEGMENTS];
static struct channel go[STAYING], done;

static void create_and_remove(void *nothing)
{
    (void)nothing;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int other = shmget(IPC_PRIVATE, 100, 0600);
        CHECK_OK(other);
        REMOVE(other);
    }
}

static void wait_for_death(void *nothing)
{
    (void)nothing;
    for (;;)
        pause();
}

/* Detaches one segment after the other as it is told, and reads the last one when that is all that is left. */
static void stay(void *argument)
{
    struct channel *told = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (long which; (which = get_number(*told)) >= 0;) {
        CHECK_OK(shmdt(memory[which]));
        put_number(done, which);
    }
    CHECK_EQ(memory[SEGMENTS - 1][0], 'm');
}

static void check_counts(int first, long right)
{
    for (int i = first; i < SEGMENTS; i++)
        CHECK_EQ(NATTCH(id[i]), right);
}

static void round_of_deaths(void)
{
    pid_t staying[STAYING];
    for (int i = 0; i < STAYING; i++) {
        for (int j = 0; j < 2; j++) {
            pid_t dying = start_child(wait_for_death, NULL);
            CHECK_OK(kill(dying, SIGKILL));
            EXPECT_SIGNAL(dying, SIGKILL);
        }
        staying[i] = start_child(stay, &go[i]);
    }
    check_counts(0, 1 + STAYING);
    for (int i = 0; i < STAYING; i++) {
        put_number(go[i], 0);
        CHECK_EQ(get_number(done), 0);
    }
    CHECK_EQ(NATTCH(id[0]), 1);
    check_counts(1, 1 + STAYING);
    for (int i = 0; i < STAYING / 2; i++) {
        CHECK_OK(kill(staying[i], SIGKILL));
        EXPECT_SIGNAL(staying[i], SIGKILL);
        check_counts(1, STAYING - i);
    }
    for (int i = STAYING / 2; i < STAYING; i++) {
        put_number(go[i], -1);
        EXPECT_EXIT(staying[i], PASSED);
    }
    check_counts(0, 1);
}

int main(void)
{
    done = new_channel();
    for (int i = 0; i < STAYING; i++)
        go[i] = new_channel();
    pid_t creators[CREATORS];
    for (int i = 0; i < CREATORS; i++)
        creators[i] = start_child(create_and_remove, NULL);
    for (int i = 0; i < SEGMENTS; i++) {
        id[i] = NEW_SEGMENT(100, 0600);
        CHECK_OK(shmdt(ATTACH(id[i], NULL, 0)));
        memory[i] = ATTACH(id[i], NULL, 0);
        memory[i][0] = 'm';
        if (i % 2 == 1)
            REMOVE(id[i]);
    }
    for (int i = 0; i < ROUNDS; i++)
        round_of_deaths();
    for (int i = 0; i < CREATORS; i++) {
        CHECK_OK(kill(creators[i], SIGKILL));
        EXPECT_SIGNAL(creators[i], SIGKILL);
        remove_made_by(creators[i]);
    }
    for (int i = 0; i < SEGMENTS; i++)
        CHECK_OK(shmdt(memory[i]));
    for (int i = 0; i < SEGMENTS; i++)
        if (i % 2 == 1)
            CHECK_GONE(id[i]);
        else
            CHECK_EQ(NATTCH(id[i]), 0);
    return 0;
}
