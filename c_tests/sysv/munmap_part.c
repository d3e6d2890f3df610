/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * munmap of a part: nattch counts the pieces that are left. shmdt of the original address takes all of them, even
 * where that address itself is no longer a part; their own addresses mean nothing to it.
 */
#include "harness.h"

enum { PAGES = 6 };

static char *attach_marked(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    for (int i = 0; i < PAGES; i++)
        *pages_up(memory, i) = (char)(i + 1);
    return memory;
}

static void check_all_gone(int id, char *memory)
{
    CHECK_EQ(NATTCH(id), 0);
    for (int i = 0; i < PAGES; i++)
        CHECK(!is_mapped(pages_up(memory, i)));
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

static void head(int id)
{
    char *memory = attach_marked(id);
    CHECK_OK(munmap(memory, 2 * page_size()));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_ERRNO(shmdt(pages_up(memory, 2)), EINVAL);
    CHECK_EQ(*pages_up(memory, 2), 3);
    CHECK_OK(shmdt(memory));
    check_all_gone(id, memory);
}

static void all_but_the_last_page(int id)
{
    char *memory = attach_marked(id);
    CHECK_OK(munmap(memory, (PAGES - 1) * page_size()));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(*pages_up(memory, PAGES - 1), PAGES);
    CHECK_OK(shmdt(memory));
    check_all_gone(id, memory);
}

static void tail(int id)
{
    char *memory = attach_marked(id);
    CHECK_OK(munmap(pages_up(memory, 4), 2 * page_size()));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(memory[0], 1);
    CHECK_OK(shmdt(memory));
    check_all_gone(id, memory);
}

static void middle(int id)
{
    char *memory = attach_marked(id);
    CHECK_OK(munmap(pages_up(memory, 2), page_size()));
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(munmap(pages_up(memory, 4), page_size()));
    CHECK_EQ(NATTCH(id), 3);
    CHECK_OK(munmap(pages_up(memory, 2), page_size())); /* a hole already */
    CHECK_EQ(NATTCH(id), 3);
    CHECK_OK(munmap(pages_up(memory, 3), page_size())); /* a whole piece */
    CHECK_EQ(NATTCH(id), 2);
    CHECK_EQ(*pages_up(memory, 1), 2);
    CHECK_EQ(*pages_up(memory, 5), 6);
    CHECK_ERRNO(shmdt(pages_up(memory, 5)), EINVAL);
    CHECK_OK(shmdt(memory));
    check_all_gone(id, memory);
}

/* Something else at the original address and between the pieces: it stays, and does not hide the pieces. */
static void foreign_pages(int id)
{
    char *memory = attach_marked(id);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK(mmap(memory, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == memory);
    CHECK_EQ(NATTCH(id), 1);
    char *between = pages_up(memory, 3);
    CHECK(mmap(between, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == between);
    CHECK_EQ(NATTCH(id), 2);
    memory[0] = between[0] = 77;
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(memory[0], 77);
    CHECK_EQ(between[0], 77);
    CHECK(!is_mapped(pages_up(memory, 1)) && !is_mapped(pages_up(memory, 5)));
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

/* Directly above an attachment that has lost its tail, another one of the same segment. */
static void neighbour(int id)
{
    char *place = free_range(2 * PAGES);
    char *memory = ATTACH(id, place, 0), *above = ATTACH(id, pages_up(place, PAGES), 0);
    CHECK_OK(munmap(pages_up(memory, PAGES - 1), 2 * page_size())); /* the tail of one, the head of the other */
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
    CHECK(!is_mapped(memory) && is_mapped(pages_up(above, 1)));
    CHECK_OK(shmdt(above));
    check_all_gone(id, above);
}

static void check_times(int id)
{
    char *memory = attach_marked(id);
    struct shmid_ds before = FIELDS(id);
    next_second();
    time_t from = seconds_now();
    CHECK_OK(munmap(pages_up(memory, 5), page_size()));
    struct shmid_ds after = FIELDS(id);
    CHECK_STAMPED(after.shm_atime, from);
    CHECK_STAMPED(after.shm_dtime, from);
    CHECK(after.shm_atime > before.shm_atime);
    CHECK_EQ(after.shm_ctime, before.shm_ctime);
    CHECK_EQ(after.shm_lpid, getpid());
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    int id = NEW_SEGMENT(PAGES * page_size(), 0600);
    head(id);
    all_but_the_last_page(id);
    tail(id);
    middle(id);
    foreign_pages(id);
    neighbour(id);
    check_times(id);
    return 0;
}
