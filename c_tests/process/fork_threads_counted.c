/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads fork while others attach and detach: a child inherits what was mapped at that instant. With all children there,
 * with some killed, and at the end, the count is that of the mappings in all processes.
 */
#include "mappings.h"

#include <pthread.h>

enum { FORKERS = 3, WORKERS = 3, FORKS = 6, ROUNDS = 5, PAGES = 3 };

static int id;
static atomic_bool done;
static struct mapped_file file;
static struct channel ready;
static pid_t child[FORKERS * FORKS];

static void *work(void *nothing)
{
    (void)nothing;
    while (!done) {
        char *one = ATTACH(id, NULL, 0), *two = ATTACH(id, NULL, SHM_RDONLY);
        CHECK_OK(shmdt(one));
        CHECK_OK(shmdt(two));
    }
    return NULL;
}

/* Uses the calls, keeps one attachment more than it inherited, and waits to be killed. */
static void be_child(void)
{
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1 || shmdt(memory) != 0 || shmdt(memory) != -1 || shmat(id, NULL, 0) == (void *)-1)
        _exit(1);
    put_number(ready, getpid());
    for (;;)
        pause();
}

static void *fork_often(void *argument)
{
    pid_t *made = argument;
    for (int i = 0; i < FORKS; i++) {
        made[i] = fork();
        CHECK_OK(made[i]);
        if (made[i] == 0)
            be_child();
    }
    return NULL;
}

static long mapped_in_all(void)
{
    long count = mapped_in(getpid(), file).count;
    for (int i = 0; i < FORKERS * FORKS; i++)
        if (child[i] != 0)
            count += mapped_in(child[i], file).count;
    return count;
}

static void kill_child(int i)
{
    CHECK_OK(kill(child[i], SIGKILL));
    EXPECT_SIGNAL(child[i], SIGKILL);
    child[i] = 0;
}

static void round_of_forks(void)
{
    pthread_t worker[WORKERS], forker[FORKERS];
    done = false;
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&worker[i], NULL, work, NULL), 0);
    for (int i = 0; i < FORKERS; i++)
        CHECK_EQ(pthread_create(&forker[i], NULL, fork_often, child + i * FORKS), 0);
    for (int i = 0; i < FORKERS; i++)
        CHECK_EQ(pthread_join(forker[i], NULL), 0);
    for (int i = 0; i < FORKERS * FORKS; i++)
        CHECK(get_number(ready) > 0);
    done = true;
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_join(worker[i], NULL), 0);
    CHECK(mapped_in_all() >= 1 + 2 * FORKERS * FORKS); /* Each has what was kept, and one of its own. */
    CHECK_EQ(NATTCH(id), mapped_in_all());
    for (int i = 0; i < FORKERS * FORKS; i += 2)
        kill_child(i);
    CHECK_EQ(NATTCH(id), mapped_in_all());
    for (int i = 1; i < FORKERS * FORKS; i += 2)
        kill_child(i);
    CHECK_EQ(NATTCH(id), 1);
}

int main(void)
{
    ready = new_channel();
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    file = file_at(ATTACH(id, NULL, 0));
    for (int i = 0; i < ROUNDS; i++)
        round_of_forks();
    return 0;
}
