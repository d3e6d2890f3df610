/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes killed at any point of any call: the survivors go on, and no count is off. */
#include "harness.h"

enum { VICTIMS = 40 };

static int id;
static key_t key;
static struct channel started;

static void busy(void *nothing)
{
    (void)nothing;
    put_number(started, 1);
    for (;;) {
        char *memory = shmat(id, NULL, 0);
        int own = shmget(key, 100, IPC_CREAT | 0600);
        void *second = shmat(own, NULL, 0);
        shmctl(own, IPC_RMID, NULL);
        if (second != (void *)-1)
            shmdt(second);
        shmdt(memory);
    }
}

/* The kernel may take a dead process's memory apart a moment after its end was told, if somebody looks into it. */
static void check_settles(int which, long right)
{
    for (long turns = 0; turns < 100000 && NATTCH(which) != right; turns++)
        sched_yield();
    CHECK_EQ(NATTCH(which), right);
}

int main(void)
{
    started = new_channel();
    id = NEW_SEGMENT(100, 0600);
    key = unique_key();
    char *memory = ATTACH(id, NULL, 0);
    srandom(1);
    for (int i = 0; i < VICTIMS; i++) {
        pid_t first = start_child(busy, NULL), second = start_child(busy, NULL);
        get_number(started);
        get_number(started);
        /* Any number of turns: where they are killed does not matter, only that it differs. */
        for (long turns = random() % 60; turns > 0; turns--)
            sched_yield();
        CHECK_OK(kill(first, SIGKILL));
        EXPECT_SIGNAL(first, SIGKILL);
        CHECK(NATTCH(id) >= 2); /* The parent's, and one that the other inherited. */
        CHECK_OK(kill(second, SIGKILL));
        EXPECT_SIGNAL(second, SIGKILL);
        check_settles(id, 1);
        int left = shmget(key, 0, 0);
        if (left != -1) {
            check_settles(left, 0);
            REMOVE(left);
            CHECK_GONE(left);
        }
    }
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
