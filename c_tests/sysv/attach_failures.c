/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An attach that fails changes nothing, in the segment and in the process. */
#include "users.h"

static void fail_in_all_ways(int id)
{
    char *taken = reserve(1, PROT_NONE);
    CHECK_ERRNO(shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_ERRNO(shmat(id, taken, 0), EINVAL);
    CHECK_ERRNO(shmat(id, taken + 1, 0), EINVAL);
    CHECK_ERRNO(shmat(id, (void *)((uintptr_t)1 << 62), 0), ENOMEM);
    CHECK_ERRNO(shmat(id, (void *)((uintptr_t)1 << 62), SHM_REMAP), ENOMEM);
    CHECK_ERRNO(shmdt(taken), EINVAL);
    CHECK_OK(munmap(taken, page_size()));
}

static void as_stranger(void *id)
{
    become_user(1001, 1001);
    CHECK_ERRNO(shmat(*(int *)id, NULL, 0), EACCES);
}

static void check_unchanged(int id)
{
    struct shmid_ds before = FIELDS(id);
    next_second();
    fail_in_all_ways(id);
    if (geteuid() == 0 && before.shm_nattch == 0) /* A fork would count as an attach of its own. */
        RUN_CHILD(as_stranger, &id);
    struct shmid_ds after = FIELDS(id);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    int id = NEW_SEGMENT(2 * page_size(), 0600);
    check_unchanged(id);
    char *memory = ATTACH(id, NULL, 0);
    check_unchanged(id);
    CHECK_OK(shmdt(memory));
    check_unchanged(id);
    return 0;
}
