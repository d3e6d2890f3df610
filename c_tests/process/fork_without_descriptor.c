/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child that was forked with no descriptor free detaches, is counted, and dies like any other; what it has given back
 * is not an attachment any more, whatever lies there later.
 */
#include "limits.h"
#include "reach.h"

static int id, second_id;
static char *first, *second;
static struct rlimit before;

static void no_descriptors(void)
{
    lower_limit(RLIMIT_NOFILE, 0);
}

static void all_descriptors(void)
{
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
}

/* Plain memory where an attachment was is nobody's to detach. */
static void put_plain_memory(char *place)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    CHECK(mmap(place, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == place);
    place[0] = 'p';
    CHECK_ERRNO(shmdt(place), EINVAL);
    CHECK_EQ(place[0], 'p');
}

static void by_shmdt(void *nothing)
{
    (void)nothing;
    CHECK_OK(shmdt(first));
    put_plain_memory(first);
    all_descriptors();
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(second_id), 2);
    CHECK_ERRNO(shmdt(first), EINVAL);
}

static void by_munmap(void *nothing)
{
    (void)nothing;
    CHECK_OK(munmap(first, page_size()));
    put_plain_memory(first);
    all_descriptors();
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(second_id), 2);
    CHECK_ERRNO(shmdt(first), EINVAL);
}

static void by_mmap(void *nothing)
{
    (void)nothing;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK(mmap(first, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == first);
    CHECK_ERRNO(shmdt(first), EINVAL);
    all_descriptors();
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(second_id), 2);
}

static void by_mremap(void *nothing)
{
    (void)nothing;
    char *place = free_range(1);
    CHECK(mremap(first, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    CHECK_ERRNO(shmdt(first), EINVAL);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(place));
    all_descriptors();
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(second_id), 2);
}

static void end_at_once(void)
{
    _exit(0);
}

static void by_exec(void *nothing)
{
    (void)nothing;
    all_descriptors();
    run_anew(end_at_once);
}

/* A child's child, forked in the same need. */
static void by_fork(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 2);
    pid_t child = start_child(by_exec, NULL);
    EXPECT_EXIT(child, 0);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(first));
    CHECK_EQ(NATTCH(id), 1);
}

static void (*const ways[])(void *) = {by_shmdt, by_munmap, by_mmap, by_mremap, by_exec, by_fork};

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    second_id = NEW_SEGMENT(100, 0600);
    first = ATTACH(id, NULL, 0);
    second = ATTACH(second_id, NULL, SHM_RDONLY);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    no_descriptors();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        RUN_CHILD(ways[i], NULL);
        CHECK_EQ(NATTCH(id), 1);
        CHECK_EQ(NATTCH(second_id), 1);
    }
    CHECK_OK(shmdt(first));
    CHECK_OK(shmdt(second));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
