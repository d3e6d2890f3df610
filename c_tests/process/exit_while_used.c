/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads use a removed segment until their process has ended, though main has returned. Another process has attached
 * and detached the segment often before, and what it may keep for its next attach must not matter.
 */
#include "harness.h"

#include <pthread.h>

enum { ROUNDS = 30, PAGES = 300, THREADS = 2 };

static int id;
static volatile char *memory;
static struct channel is_ready, may_end;

static void attach_often(void *nothing)
{
    (void)nothing;
    for (int i = 0; i < 5; i++)
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    put_number(is_ready, 1);
    get_number(may_end);
}

static void *use(void *at_work)
{
    for (;;) {
        for (int page = 0; page < PAGES; page++)
            memory[page * (long)page_size()]++;
        *(atomic_int *)at_work = 1;
    }
    return NULL;
}

static void exit_while_used(void *nothing)
{
    pthread_t thread;
    atomic_int at_work[THREADS] = {0};
    (void)nothing;
    memory = ATTACH(id, NULL, 0);
    REMOVE(id);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&thread, NULL, use, &at_work[i]), 0);
        while (at_work[i] == 0)
            sched_yield();
    }
    exit(PASSED);
}

int main(void)
{
    is_ready = new_channel();
    may_end = new_channel();
    for (int i = 0; i < ROUNDS; i++) {
        id = NEW_SEGMENT(PAGES * page_size(), 0600);
        pid_t other = start_child(attach_often, NULL);
        get_number(is_ready);
        RUN_CHILD(exit_while_used, NULL);
        put_number(may_end, 1);
        EXPECT_EXIT(other, PASSED);
        CHECK_GONE(id);
    }
    return 0;
}
