/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* munmap of everything, or MAP_FIXED over everything, is a detach. */
#include "harness.h"

static void check_detached(int id, char *memory, time_t from)
{
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 0);
    CHECK_STAMPED(fields.shm_dtime, from);
    CHECK(fields.shm_dtime > fields.shm_atime);
    CHECK_EQ(fields.shm_lpid, getpid());
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

static void by_munmap(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    next_second();
    time_t from = seconds_now();
    CHECK_OK(munmap(memory, 3 * page_size()));
    CHECK(!is_mapped(memory));
    check_detached(id, memory, from);
}

/* The length is rounded up, and may reach beyond the attachment. */
static void by_larger_munmap(int id)
{
    char *base = reserve(6, PROT_NONE);
    char *memory = ATTACH(id, pages_up(base, 1), SHM_REMAP);
    CHECK_OK(munmap(base, 5 * page_size() - 17));
    CHECK(!is_mapped(base) && !is_mapped(memory) && is_mapped(pages_up(base, 5)));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

static void by_mmap(int id)
{
    char *memory = ATTACH(id, NULL, SHM_RDONLY);
    next_second();
    time_t from = seconds_now();
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK(mmap(memory, 3 * page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == memory);
    memory[0] = 1;
    check_detached(id, memory, from);
    CHECK_EQ(memory[0], 1);
    CHECK_OK(munmap(memory, 3 * page_size()));
}

static void several_at_once(int id)
{
    int other = NEW_SEGMENT(page_size(), 0600);
    char *base = reserve(8, PROT_NONE);
    ATTACH(id, base, SHM_REMAP);
    ATTACH(other, pages_up(base, 3), SHM_REMAP);
    ATTACH(id, pages_up(base, 4), SHM_REMAP);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(munmap(base, 8 * page_size()));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(NATTCH(other), 0);
}

/* The last detach destroys a marked segment, whichever way it comes. */
static void removed(void)
{
    int id = NEW_SEGMENT(3 * page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    REMOVE(id);
    CHECK_OK(munmap(memory, 2 * page_size()));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(munmap(pages_up(memory, 2), page_size()));
    CHECK_GONE(id);

    id = NEW_SEGMENT(page_size(), 0600);
    memory = ATTACH(id, NULL, 0);
    REMOVE(id);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK(mmap(memory, page_size(), PROT_READ, flags, -1, 0) == memory);
    CHECK_GONE(id);
}

/* What fails, or has to look elsewhere, detaches nothing. */
static void not_at_all(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, flags, -1, 0), EEXIST);
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0), EBADF);
    CHECK_ERRNO(munmap(memory, 0), EINVAL);
    CHECK_ERRNO(munmap(memory + 1, page_size()), EINVAL);
    char *hinted = mmap(memory, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hinted != MAP_FAILED && hinted != memory);
    CHECK_EQ(NATTCH(id), 1);
    memory[0] = 1;
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    int id = NEW_SEGMENT(3 * page_size(), 0600);
    by_munmap(id);
    by_larger_munmap(id);
    by_mmap(id);
    several_at_once(id);
    removed();
    not_at_all(id);
    return 0;
}
