/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that meet at the same addresses, chosen at random: one segment, and an area in which all of them work. */
#ifndef OVERLAPS_H
#define OVERLAPS_H

#include "mappings.h"

enum { PAGES = 4, PLACES = 6, AREA = PAGES + PLACES, ALL = AREA + 2 * PLACES };

static int id;
static char *area;
static struct mapped_file file;

static inline unsigned chosen(unsigned *seed, unsigned among)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % among;
}

static inline char *place(unsigned *seed, unsigned among)
{
    return pages_up(area, (int)chosen(seed, among));
}

static inline void call_one(unsigned *seed)
{
    size_t bytes = (1 + chosen(seed, 2)) * page_size();
    char *to;
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

static inline void begin_overlaps(void)
{
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    /* Where the kernel maps nothing of its own choice. */
    area = mmap((void *)0x200000000000, ALL * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    file = file_at(ATTACH(id, area, SHM_REMAP));
}

static inline bool count_part(uintptr_t address, struct mapped_file one, void *argument)
{
    (void)address;
    *(long *)argument += one.device == file.device && one.inode == file.inode;
    return true;
}

/* How many mappings of the segment, whole or in part, a process has. */
static inline long parts_in(pid_t pid)
{
    long parts = 0;
    each_mapping(pid, count_part, &parts);
    return parts;
}

static inline void unmap_all(void)
{
    CHECK_OK(munmap(area, ALL * page_size()));
    CHECK_EQ(NATTCH(id), 0);
}

#endif
