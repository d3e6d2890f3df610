/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads cancelled in the middle of loops of calls: no call is cut short, and every attachment is accounted for. */
#include "harness.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 25 };

static int id;
static atomic_int in_a_round;

static void detach(void *memory)
{
    CHECK_OK(shmdt(memory));
}

static void *loop(void *nothing)
{
    (void)nothing;
    atomic_fetch_add(&in_a_round, 1);
    for (;;) {
        char *memory = ATTACH(id, NULL, 0);
        pthread_cleanup_push(detach, memory);
        memory[0] = 'm';
        FIELDS(id);
        pthread_testcancel();
        pthread_cleanup_pop(1);
    }
    return NULL;
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[THREADS];
        in_a_round = 0;
        for (int i = 0; i < THREADS; i++)
            CHECK_EQ(pthread_create(&thread[i], NULL, loop, NULL), 0);
        while (in_a_round < THREADS)
            sched_yield();
        for (int i = 0; i < THREADS; i++) {
            void *result;
            CHECK_EQ(pthread_cancel(thread[i]), 0);
            CHECK_EQ(pthread_join(thread[i], &result), 0);
            CHECK(result == PTHREAD_CANCELED);
        }
        CHECK_EQ(NATTCH(id), 0);
    }
    return 0;
}
