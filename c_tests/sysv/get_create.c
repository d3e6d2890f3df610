/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmget that creates: sizes that are refused, and what IPC_PRIVATE ignores. */
#include "harness.h"

static void refused_sizes(key_t key)
{
    CHECK_ERRNO(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
    CHECK_ERRNO(shmget(key, (size_t)-1, IPC_CREAT | 0600), EINVAL);
    CHECK_ERRNO(shmget(key, (size_t)1 << 63, IPC_CREAT | 0600), EINVAL);
    /* Nobody has a pebibyte: the memory is promised at creation, so that is where it is refused. */
    CHECK_ERRNO(shmget(key, (size_t)1 << 50, IPC_CREAT | 0600), ENOMEM);
}

/* Without a reservation a segment may be larger than memory, and larger than any address space. */
static void without_reservation(void)
{
    int id = NEW_SEGMENT((size_t)1 << 50, SHM_NORESERVE | 0600);
    CHECK_EQ(FIELDS(id).shm_segsz, (size_t)1 << 50);
    CHECK_EQ(MODE(id), 0600);
    CHECK_ERRNO(shmat(id, NULL, 0), ENOMEM);
    CHECK_EQ(NATTCH(id), 0);
    REMOVE(id);

    id = NEW_SEGMENT((size_t)1 << 36, SHM_NORESERVE | 0600);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 1;
    memory[((size_t)1 << 36) - 1] = 2;
    CHECK_OK(shmdt(memory));
    REMOVE(id);
}

static void private_segments(void)
{
    int first = NEW_SEGMENT(100, 0600);
    int second = NEW_SEGMENT(100, IPC_CREAT | IPC_EXCL | 0600);
    int third = NEW_SEGMENT(100, IPC_EXCL | 0600);
    CHECK(first != second && second != third && first != third);
    CHECK_EQ(FIELDS(second).shm_perm.__key, 0);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 63, 0600), EINVAL);
}

int main(void)
{
    key_t key = unique_key();
    refused_sizes(key);
    refused_sizes(IPC_PRIVATE);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT); /* A refused creation leaves no key behind. */
    without_reservation();
    private_segments();
    return 0;
}
