/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads that can be cancelled at any instruction, in the middle of attaching and detaching. POSIX promises nothing for
 * such a thread's calls; as with system calls, each is made or not: nothing stays locked, the count is that of the mappings.
 */
#include "mappings.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 5, PAGES = 3 };

static int id;
static atomic_int at_work;

static void *loop(void *nothing)
{
    int before;
    (void)nothing;
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before), 0);
    atomic_fetch_add(&at_work, 1);
    for (;;) {
        struct shmid_ds fields;
        void *memory = shmat(id, NULL, 0);
        shmctl(id, IPC_STAT, &fields);
        shmdt(memory);
    }
    return NULL;
}

int main(void)
{
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    char *kept = ATTACH(id, NULL, 0);
    struct mapped_file file = file_at(kept);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[THREADS];
        at_work = 0;
        for (int i = 0; i < THREADS; i++)
            CHECK_EQ(pthread_create(&thread[i], NULL, loop, NULL), 0);
        while (at_work < THREADS)
            sched_yield();
        for (int i = 0; i < THREADS; i++) {
            void *result;
            CHECK_EQ(pthread_cancel(thread[i]), 0);
            CHECK_EQ(pthread_join(thread[i], &result), 0);
            CHECK(result == PTHREAD_CANCELED);
        }
        CHECK_EQ(NATTCH(id), mapped_in(getpid(), file).count);
    }
    detach_all(file);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
