/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmget of a key: which condition decides first, and that looking a segment up changes nothing in it. */
#include "users.h"

static void unknown_key(void)
{
    key_t key = unique_key();
    CHECK_ERRNO(shmget(key, 100, 0600), ENOENT);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    CHECK_ERRNO(shmget(key, (size_t)-1, 0600), ENOENT);
    CHECK_ERRNO(shmget(key, 100, IPC_EXCL | 0600), ENOENT);
    CHECK_ERRNO(shmget(key, 100, SHM_HUGETLB | 0600), ENOENT);
}

static void known_key(key_t key, int id)
{
    CHECK_EQ(shmget(key, 100, 0600), id);
    CHECK_EQ(shmget(key, 100, IPC_CREAT | 0600), id);
    CHECK_EQ(shmget(key, 1, 0600), id);
    CHECK_EQ(shmget(key, 0, 0), id);
    CHECK_EQ(shmget(key, 0, IPC_CREAT), id);

    /* Exclusive creation fails before size and permission are looked at. */
    CHECK_ERRNO(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERRNO(shmget(key, 0, IPC_CREAT | IPC_EXCL), EEXIST);
    CHECK_ERRNO(shmget(key, (size_t)-1, IPC_CREAT | IPC_EXCL | 0777), EEXIST);
    CHECK_EQ(shmget(key, 100, IPC_EXCL | 0600), id);

    /* The size is compared with the bytes asked for at creation, not with the pages they take. */
    CHECK_ERRNO(shmget(key, 101, 0600), EINVAL);
    CHECK_ERRNO(shmget(key, 101, IPC_CREAT | 0600), EINVAL);
    CHECK_ERRNO(shmget(key, 4096, 0), EINVAL);
    CHECK_ERRNO(shmget(key, (size_t)-1, 0), EINVAL);

    /* Huge-page bits matter only at creation, whether such a page size exists or not. */
    CHECK_EQ(shmget(key, 100, SHM_HUGETLB | 0600), id);
    CHECK_EQ(shmget(key, 100, SHM_HUGETLB | 63 << SHM_HUGE_SHIFT | 0600), id);
    CHECK_EQ(shmget(key, 100, SHM_NORESERVE | 0600), id);
}

/* As a stranger to a segment of mode 0600: the size is looked at before the permission. */
static void as_stranger(void *argument)
{
    key_t key = *(key_t *)argument;
    become_user(1001, 1001);
    CHECK_ERRNO(shmget(key, 101, 0600), EINVAL);
    CHECK_ERRNO(shmget(key, 100, 0600), EACCES);
    CHECK_ERRNO(shmget(key, 100, IPC_CREAT | 0600), EACCES);
    CHECK_ERRNO(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_OK(shmget(key, 100, 0));
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    unknown_key();
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    struct shmid_ds before = FIELDS(id);
    known_key(key, id);
    if (geteuid() == 0)
        RUN_CHILD(as_stranger, &key);
    struct shmid_ds after = FIELDS(id);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    return 0;
}
