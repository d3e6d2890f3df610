/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads attach, detach, map over, unmap and move at the same addresses at once. When all are done, nattch is the number
 * of mappings, and nothing is left of them once the area is unmapped.
 */
#include "mappings.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 20, CALLS = 150, PAGES = 4, PLACES = 6, AREA = PAGES + PLACES, ALL = AREA + 2 * PLACES };

static int id;
static char *area;
static pthread_barrier_t barrier;

static unsigned chosen(unsigned *seed, unsigned among)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % among;
}

static char *place(unsigned *seed, unsigned among)
{
    return pages_up(area, chosen(seed, among));
}

static void call_one(unsigned *seed)
{
    char *to;
    size_t bytes = (1 + chosen(seed, 2)) * page_size();
    switch (chosen(seed, 7)) {
    case 0:
    case 1:
        shmat(id, place(seed, PLACES), SHM_REMAP);
        break;
    case 2:
        shmat(id, place(seed, PLACES), 0);
        break;
    case 3:
        shmdt(place(seed, PLACES));
        break;
    case 4:
        munmap(place(seed, AREA - 1), bytes);
        break;
    case 5:
        mmap(place(seed, AREA - 1), bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        break;
    default:
        /* Not beside each other, where the kernel may join what it moves. */
        to = pages_up(area, AREA + 2 * (int)chosen(seed, PLACES));
        mremap(place(seed, AREA), page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, to);
    }
}

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

static bool count_part(uintptr_t address, struct mapped_file file, void *argument)
{
    struct search *search = argument;
    (void)address;
    search->count += file.device == search->file.device && file.inode == search->file.inode;
    return true;
}

static long parts_of(struct mapped_file file)
{
    struct search search = {.file = file};
    each_mapping(getpid(), count_part, &search);
    return search.count;
}

int main(void)
{
    pthread_t thread[THREADS];
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    /* Where the kernel maps nothing of its own choice. */
    area = mmap((void *)0x200000000000, ALL * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    struct mapped_file file = file_at(ATTACH(id, area, SHM_REMAP));
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, work, (void *)i), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(NATTCH(id), parts_of(file));
        CHECK_OK(munmap(area, ALL * page_size()));
        CHECK_EQ(NATTCH(id), 0);
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    return 0;
}
