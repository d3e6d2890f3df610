/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Attachments belong to the process, not to the thread that made them. */
#include "harness.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 300 };

static int id;
static pthread_barrier_t together;

static void *attach_and_leave(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 0); /* A new thread adds nothing. */
    return ATTACH(id, NULL, 0);
}

static void *detach(void *address)
{
    CHECK_OK(shmdt(address));
    CHECK_ERRNO(shmdt(address), EINVAL);
    return NULL;
}

static void *run_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    void *result;
    CHECK_EQ(pthread_create(&thread, NULL, body, argument), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    return result;
}

static void *attach_and_detach(void *argument)
{
    long number = (long)argument;
    pthread_barrier_wait(&together);
    for (int round = 0; round < ROUNDS; round++) {
        char *memory = ATTACH(id, NULL, round % 2 ? SHM_RDONLY : 0);
        if (round % 2 == 0)
            memory[number] = (char)round;
        CHECK_OK(shmdt(memory));
    }
    return ATTACH(id, NULL, 0);
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    char *memory = run_thread(attach_and_leave, NULL);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(FIELDS(id).shm_lpid, getpid());
    memory[0] = 'm';
    run_thread(detach, memory);
    CHECK_EQ(NATTCH(id), 0);

    pthread_t thread[THREADS];
    void *kept[THREADS];
    CHECK_EQ(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, attach_and_detach, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], &kept[i]), 0);
    CHECK_EQ(NATTCH(id), THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_OK(shmdt(kept[i]));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
