/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads attach, detach, map over, unmap and move at the same addresses at once. When all are done, nattch is the number
 * of mappings, and nothing is left of them once the area is unmapped.
 */
#include "overlaps.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 20, CALLS = 150 };

static pthread_barrier_t barrier;

static void *work(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 1;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < CALLS; i++)
            call_one(&seed);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier); /* Main has looked. */
    }
    return NULL;
}

int main(void)
{
    pthread_t thread[THREADS];
    begin_overlaps();
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, work, (void *)i), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(NATTCH(id), parts_in(getpid()));
        unmap_all();
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    return 0;
}
