/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmctl reports a buffer that it cannot use as EFAULT, for every command that uses one, and changes nothing. */
#include "harness.h"

/* A buffer of n bytes up to the end of a page, with an inaccessible page behind. */
static void *before_a_hole(size_t bytes)
{
    char *pages = reserve(2, PROT_READ | PROT_WRITE);
    CHECK_OK(mprotect(pages_up(pages, 1), page_size(), PROT_NONE));
    return pages_up(pages, 1) - bytes;
}

static void unusable(int id, int command, size_t size)
{
    void *unmapped = free_range(1), *hidden = reserve(1, PROT_NONE);
    CHECK_ERRNO(shmctl(id, command, NULL), EFAULT);
    CHECK_ERRNO(shmctl(id, command, (struct shmid_ds *)8), EFAULT);
    CHECK_ERRNO(shmctl(id, command, (struct shmid_ds *)-1), EFAULT);
    CHECK_ERRNO(shmctl(id, command, (struct shmid_ds *)((uintptr_t)1 << 63)), EFAULT);
    CHECK_ERRNO(shmctl(id, command, unmapped), EFAULT);
    CHECK_ERRNO(shmctl(id, command, hidden), EFAULT);
    CHECK_ERRNO(shmctl(id, command, before_a_hole(1)), EFAULT);
    CHECK_ERRNO(shmctl(id, command, before_a_hole(size - 1)), EFAULT);
    CHECK_ERRNO(shmctl(id, command, before_a_hole(size / 2)), EFAULT);
    CHECK(shmctl(id, command, before_a_hole(size)) != -1); /* just fits */
}

int main(void)
{
    int id = NEW_SEGMENT(100, 0600);
    struct shmid_ds before = FIELDS(id);
    static const int writing[] = {IPC_STAT, SHM_STAT, SHM_STAT_ANY, IPC_INFO, SHM_INFO};
    void *read_only = reserve(1, PROT_READ);
    for (size_t i = 0; i < sizeof writing / sizeof *writing; i++) {
        size_t size = writing[i] == IPC_INFO   ? sizeof(struct shminfo)
                      : writing[i] == SHM_INFO ? sizeof(struct shm_info)
                                               : sizeof(struct shmid_ds);
        unusable(id, writing[i], size);
        CHECK_ERRNO(shmctl(id, writing[i], read_only), EFAULT);
    }
    struct shmid_ds after = FIELDS(id);
    CHECK(memcmp(&before, &after, sizeof before) == 0);

    unusable(id, IPC_SET, sizeof(struct shmid_ds)); /* The one that fits sets zeroes. */
    if (geteuid() == 0)
        CHECK_EQ(MODE(id), 0);
    CHECK_OK(shmctl(id, IPC_SET, read_only));
    return 0;
}
