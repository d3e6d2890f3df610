/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Many more threads than processors attach one segment and ask for its count all the time. Mostly, many are in the middle
 * of a call: nobody has to look at all of them.
 */
#include "harness.h"

#include <pthread.h>

enum { THREADS = 150, ROUNDS = 30 };

static int id;

static void *come_and_go(void *nothing)
{
    for (int round = 0; round < ROUNDS; round++) {
        char *first = ATTACH(id, NULL, 0), *second = ATTACH(id, NULL, 0);
        long count = NATTCH(id);
        CHECK(count >= 2 && count <= 2 * THREADS);
        CHECK_OK(shmdt(second));
        CHECK_OK(shmdt(first));
    }
    return nothing;
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
