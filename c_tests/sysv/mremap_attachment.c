/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mremap of an attachment: shrinking, growing, moving, duplicating, and where shmdt finds it afterwards. */
#include "harness.h"

enum { PAGES = 6 };

static char *attach_marked(int id)
{
    char *memory = ATTACH(id, free_range(2 * PAGES), 0);
    for (int i = 0; i < PAGES; i++)
        *pages_up(memory, i) = (char)(i + 1);
    return memory;
}

static void shrink(int id)
{
    char *memory = attach_marked(id);
    CHECK(mremap(memory, PAGES * page_size(), 2 * page_size(), 0) == memory);
    CHECK_EQ(NATTCH(id), 1);
    CHECK(!is_mapped(pages_up(memory, 2)));
    CHECK_OK(shmdt(memory));
    CHECK(!is_mapped(memory));
    CHECK_EQ(NATTCH(id), 0);
}

/* There is no more segment behind the pages gained; the detach takes them too. */
static void grow(int id)
{
    char *memory = attach_marked(id);
    CHECK(mremap(memory, PAGES * page_size(), (PAGES + 2) * page_size(), 0) == memory);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(*pages_up(memory, PAGES - 1), PAGES);
    CHECK_EQ(load_signal(pages_up(memory, PAGES)), SIGBUS);
    CHECK_EQ(store_signal(pages_up(memory, PAGES + 1)), SIGBUS);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    CHECK(!is_mapped(memory) && !is_mapped(pages_up(memory, PAGES + 1)));
}

static void move_whole(int id)
{
    char *memory = attach_marked(id), *target = reserve(PAGES, PROT_NONE);
    size_t size = PAGES * page_size();
    CHECK(mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK_EQ(NATTCH(id), 1);
    CHECK(!is_mapped(memory));
    CHECK_EQ(*pages_up(target, 3), 4);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    CHECK_OK(shmdt(target));
    CHECK_EQ(NATTCH(id), 0);
    CHECK(!is_mapped(target));
}

/* What was at the target is unmapped, attachments included. */
static void move_over_an_attachment(int id)
{
    int other = NEW_SEGMENT(PAGES * page_size(), 0600);
    char *memory = attach_marked(id), *target = ATTACH(other, NULL, 0);
    size_t size = PAGES * page_size();
    CHECK(mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(other), 0);
    CHECK_EQ(target[0], 1);
    CHECK_OK(shmdt(target));
    CHECK_EQ(NATTCH(id), 0);
}

/* A piece that moved is found where its segment would begin, not at its own address nor from the rest. */
static void move_middle(int id)
{
    char *memory = attach_marked(id), *base = reserve(3 * PAGES, PROT_NONE);
    char *target = pages_up(base, 2 * PAGES);
    size_t size = 2 * page_size();
    CHECK(mremap(pages_up(memory, 2), size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK_EQ(NATTCH(id), 3);
    CHECK_EQ(target[0], 3);
    CHECK_EQ(*pages_up(memory, 4), 5);
    CHECK_ERRNO(shmdt(target), EINVAL);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(target[0], 3);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    CHECK_OK(shmdt(pages_up(target, -2)));
    CHECK_EQ(NATTCH(id), 0);
    CHECK(is_mapped(pages_up(target, -1)) && !is_mapped(target));
}

/* An old size of 0 makes a second mapping of shared memory. It counts, and has an address of its own. */
/* A page that replaces another of its own attachment: what was behind the one is gone as well as what it was before. */
static void move_within(int id)
{
    char *memory = attach_marked(id);
    size_t page = page_size();
    CHECK(mremap(pages_up(memory, 5), page, page, MREMAP_MAYMOVE | MREMAP_FIXED, pages_up(memory, 4)) != MAP_FAILED);
    CHECK_EQ(NATTCH(id), 2);
    CHECK(mremap(pages_up(memory, 1), page, page, MREMAP_MAYMOVE | MREMAP_FIXED, pages_up(memory, 3)) != MAP_FAILED);
    CHECK_EQ(NATTCH(id), 4);
    CHECK_EQ(*pages_up(memory, 4), 6);
    CHECK_EQ(*pages_up(memory, 3), 2);
    CHECK_OK(munmap(memory, PAGES * page));
    CHECK_EQ(NATTCH(id), 0);
}

static void duplicate(int id)
{
    char *memory = attach_marked(id);
    char *copy = mremap(memory, 0, PAGES * page_size(), MREMAP_MAYMOVE);
    CHECK(copy != MAP_FAILED && copy != memory);
    CHECK_EQ(NATTCH(id), 2);
    memory[0] = 99;
    CHECK_EQ(copy[0], 99);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(copy[0], 99);
    CHECK_OK(shmdt(copy));
    CHECK_EQ(NATTCH(id), 0);
}

static void failures(int id)
{
    char *memory = ATTACH(id, free_range(PAGES + 1), 0);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK(mmap(pages_up(memory, PAGES), page_size(), PROT_NONE, flags, -1, 0) != MAP_FAILED);
    CHECK_ERRNO(mremap(memory, PAGES * page_size(), (PAGES + 1) * page_size(), 0), ENOMEM);
    CHECK_ERRNO(mremap(memory, PAGES * page_size(), 0, 0), EINVAL);
    CHECK_ERRNO(mremap(memory + 1, page_size(), page_size(), 0), EINVAL);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
}

static void check_times(int id)
{
    char *memory = attach_marked(id);
    struct shmid_ds before = FIELDS(id);
    next_second();
    time_t from = seconds_now();
    char *target = reserve(PAGES, PROT_NONE);
    size_t size = PAGES * page_size();
    CHECK(mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    struct shmid_ds after = FIELDS(id);
    CHECK_STAMPED(after.shm_atime, from);
    CHECK_STAMPED(after.shm_dtime, from);
    CHECK(after.shm_atime > before.shm_atime);
    CHECK_EQ(after.shm_lpid, getpid());
    CHECK_OK(shmdt(target));
}

/* What stays of a shorter one is a new attachment, and the old one goes; a call that fails leaves the times as they were. */
static void check_times_of_shrinking(void)
{
    int id = NEW_SEGMENT(PAGES * page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    struct shmid_ds before = FIELDS(id);
    CHECK_EQ(before.shm_dtime, 0);
    next_second();
    time_t from = seconds_now();
    CHECK_ERRNO(mremap(pages_up(memory, 1), 3 * page_size(), page_size(), MREMAP_FIXED, memory), EINVAL);
    CHECK_EQ(FIELDS(id).shm_atime, before.shm_atime);
    CHECK_EQ(FIELDS(id).shm_dtime, 0);
    CHECK(mremap(memory, PAGES * page_size(), 2 * page_size(), 0) == memory);
    struct shmid_ds after = FIELDS(id);
    CHECK_EQ(after.shm_nattch, 1);
    CHECK_STAMPED(after.shm_atime, from);
    CHECK_STAMPED(after.shm_dtime, from);
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    int id = NEW_SEGMENT(PAGES * page_size(), 0600);
    shrink(id);
    move_within(id);
    grow(id);
    move_whole(id);
    move_over_an_attachment(id);
    move_middle(id);
    duplicate(id);
    failures(id);
    check_times(id);
    check_times_of_shrinking();
    return 0;
}
