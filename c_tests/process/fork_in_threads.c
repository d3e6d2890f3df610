/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that fork while others attach and detach: no child hangs, and no count is off at the end. */
#include "harness.h"

#include <pthread.h>

enum { FORKERS = 2, FORKS = 60, WORKERS = 3 };

static int held, busy;
static char *memory;
static atomic_bool done;

static void *work(void *nothing)
{
    (void)nothing;
    while (!done) {
        char *attached = ATTACH(busy, NULL, 0);
        CHECK_EQ(attached[0], 'b');
        CHECK_OK(shmdt(attached));
    }
    return NULL;
}

/* Another thread may have held a lock of the library when this process was made. */
static int child(void)
{
    if (memory[0] != 'h' || shmdt(memory) != 0 || shmdt(memory) != -1)
        return 1;
    char *attached = shmat(busy, NULL, 0);
    if (attached == (void *)-1 || attached[0] != 'b' || shmdt(attached) != 0)
        return 2;
    struct shmid_ds fields;
    return shmctl(held, IPC_STAT, &fields) == 0 && fields.shm_nattch >= 1 ? 0 : 3;
}

static void *fork_often(void *nothing)
{
    (void)nothing;
    for (int i = 0; i < FORKS; i++) {
        pid_t forked = fork();
        CHECK_OK(forked);
        if (forked == 0)
            _exit(child());
        EXPECT_EXIT(forked, 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t worker[WORKERS], forker[FORKERS];
    held = NEW_SEGMENT(100, 0600);
    busy = NEW_SEGMENT(100, 0600);
    memory = ATTACH(held, NULL, 0);
    memory[0] = 'h';
    char *first = ATTACH(busy, NULL, 0);
    first[0] = 'b';
    CHECK_OK(shmdt(first));
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&worker[i], NULL, work, NULL), 0);
    for (int i = 0; i < FORKERS; i++)
        CHECK_EQ(pthread_create(&forker[i], NULL, fork_often, NULL), 0);
    for (int i = 0; i < FORKERS; i++)
        CHECK_EQ(pthread_join(forker[i], NULL), 0);
    done = true;
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_join(worker[i], NULL), 0);
    CHECK_EQ(NATTCH(held), 1);
    CHECK_EQ(NATTCH(busy), 0);
    return 0;
}
