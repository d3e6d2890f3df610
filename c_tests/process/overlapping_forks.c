/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process forks while its threads attach, detach, map over and unmap at the same addresses. Once they have ended, nattch
 * is the number of mappings in all processes, and stays so while the children are killed.
 */
#include "overlaps.h"

#include <pthread.h>

enum { THREADS = 3, ROUNDS = 6, FORKS = 8 };

static struct channel ready;
static atomic_bool done;

static void *work(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 1;
    while (!done)
        call_one(&seed);
    return NULL;
}

/* After others have run for a while. */
static pid_t fork_one(void)
{
    for (int i = 0; i < 3; i++)
        sched_yield();
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        CHECK_OK(NATTCH(id));
        put_number(ready, getpid());
        for (;;)
            pause();
    }
    return child;
}

static void round_of_forks(void)
{
    pthread_t thread[THREADS];
    pid_t child[FORKS];
    done = false;
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < FORKS; i++)
        child[i] = fork_one();
    for (int i = 0; i < FORKS; i++)
        CHECK(get_number(ready) > 0);
    done = true;
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    long all = parts_in(getpid());
    for (int i = 0; i < FORKS; i++)
        all += parts_in(child[i]);
    CHECK_EQ(NATTCH(id), all);
    for (int i = 0; i < FORKS; i++) {
        all -= parts_in(child[i]);
        CHECK_OK(kill(child[i], SIGKILL));
        EXPECT_SIGNAL(child[i], SIGKILL);
        CHECK_EQ(NATTCH(id), all);
    }
    unmap_all();
}

int main(void)
{
    ready = new_channel();
    begin_overlaps();
    for (int round = 0; round < ROUNDS; round++)
        round_of_forks();
    return 0;
}
