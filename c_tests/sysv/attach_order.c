/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmat: which condition decides first. */
#include "users.h"

#define HIGH ((void *)((uintptr_t)1 << 62))      /* outside any user address space */
#define TOP ((void *)(-(uintptr_t)page_size()))  /* one page below the wrap */

static void bad_ids(int id)
{
    void *taken = reserve(1, PROT_NONE);
    static const int negative[] = {-1, -2, INT32_MIN};
    for (size_t i = 0; i < sizeof negative / sizeof *negative; i++)
        CHECK_ERRNO(shmat(negative[i], NULL, 0), EINVAL);
    CHECK_ERRNO(shmat(id + 32768, NULL, 0), EINVAL); /* another sequence */
    CHECK_ERRNO(shmat(INT32_MAX, NULL, 0), EINVAL);
    CHECK_ERRNO(shmat(INT32_MAX, taken, SHM_REMAP), EINVAL);
    CHECK(is_mapped(taken));

    int removed = NEW_SEGMENT(1, 0600);
    REMOVE(removed);
    CHECK_ERRNO(shmat(removed, NULL, 0), EINVAL);
}

static void bad_addresses(int id)
{
    char *taken = reserve(4, PROT_NONE), *unaligned = taken + 1;
    CHECK_ERRNO(shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_ERRNO(shmat(id, NULL, SHM_REMAP | SHM_RND), EINVAL);
    CHECK_ERRNO(shmat(id, (void *)1, SHM_REMAP | SHM_RND), EINVAL);
    CHECK_ERRNO(shmat(id, unaligned, 0), EINVAL);
    CHECK_ERRNO(shmat(id, unaligned, SHM_REMAP), EINVAL);
    CHECK_ERRNO(shmat(id, TOP, 0), EINVAL);
    CHECK_ERRNO(shmat(id, TOP, SHM_REMAP), ENOMEM);
    CHECK_ERRNO(shmat(id, HIGH, 0), ENOMEM);
    CHECK_ERRNO(shmat(id, HIGH, SHM_REMAP), ENOMEM);
    for (int i = 0; i < 4; i++)
        CHECK(is_mapped(pages_up(taken, i)));
}

/* A stranger is told about a malformed call, but learns nothing about what the address would have met. */
static void as_stranger(void *argument)
{
    int id = *(int *)argument;
    char *taken = reserve(4, PROT_NONE);
    become_user(1001, 1001);
    CHECK_ERRNO(shmat(-1, NULL, 0), EINVAL);
    CHECK_ERRNO(shmat(id, NULL, SHM_REMAP), EINVAL);
    CHECK_ERRNO(shmat(id, (void *)1, SHM_REMAP | SHM_RND), EINVAL);
    CHECK_ERRNO(shmat(id, taken + 1, 0), EINVAL);

    CHECK_ERRNO(shmat(id, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(id, taken + 1, SHM_RND), EACCES);
    CHECK_ERRNO(shmat(id, taken, 0), EACCES);
    CHECK_ERRNO(shmat(id, taken, SHM_REMAP), EACCES);
    CHECK_ERRNO(shmat(id, TOP, 0), EACCES);
    CHECK_ERRNO(shmat(id, HIGH, 0), EACCES);
    CHECK_ERRNO(shmat(id, (void *)1, SHM_RND), EACCES);
    CHECK(is_mapped(taken));
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    int id = NEW_SEGMENT(2 * page_size(), 0600);
    bad_ids(id);
    bad_addresses(id);
    if (geteuid() == 0)
        RUN_CHILD(as_stranger, &id);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
