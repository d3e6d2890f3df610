/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process forks while its threads attach, detach, map over and unmap at the same addresses. Once they have ended, nattch
 * is the number of mappings in all processes, and stays so while the children are killed.
 */
#include "mappings.h"

#include <pthread.h>

enum { THREADS = 3, ROUNDS = 6, FORKS = 8, PAGES = 4, PLACES = 6, AREA = PAGES + PLACES };

static int id;
static char *area;
static struct mapped_file file;
static struct channel ready;
static atomic_bool done;

static unsigned chosen(unsigned *seed, unsigned among)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % among;
}

static char *place(unsigned *seed, unsigned among)
{
    return pages_up(area, (int)chosen(seed, among));
}

static void *work(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 1;
    while (!done) {
        size_t bytes = (1 + chosen(&seed, 2)) * page_size();
        switch (chosen(&seed, 5)) {
        case 0:
        case 1:
            shmat(id, place(&seed, PLACES), SHM_REMAP);
            break;
        case 2:
            shmdt(place(&seed, PLACES));
            break;
        case 3:
            munmap(place(&seed, AREA - 1), bytes);
            break;
        default:
            mmap(place(&seed, AREA - 1), bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        }
    }
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

static bool count_part(uintptr_t address, struct mapped_file one, void *argument)
{
    (void)address;
    *(long *)argument += one.device == file.device && one.inode == file.inode;
    return true;
}

static long parts_in(pid_t pid)
{
    long parts = 0;
    each_mapping(pid, count_part, &parts);
    return parts;
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
    CHECK_OK(munmap(area, AREA * page_size()));
    CHECK_EQ(NATTCH(id), 0);
}

int main(void)
{
    ready = new_channel();
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    /* Where the kernel maps nothing of its own choice. */
    area = mmap((void *)0x200000000000, AREA * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    file = file_at(ATTACH(id, area, SHM_REMAP));
    for (int round = 0; round < ROUNDS; round++)
        round_of_forks();
    return 0;
}
