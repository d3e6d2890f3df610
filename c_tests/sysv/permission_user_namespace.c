/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Capabilities count in the user namespace that owns the segments: one's own user namespace gives no right to them. */
#include "users.h"

static void refused(key_t key, int id)
{
    struct shmid_ds change = {.shm_perm = {.uid = geteuid(), .gid = getegid(), .mode = 0666}};
    CHECK_ERRNO(shmget(key, 0, 0600), EACCES);
    CHECK_ERRNO(shmat(id, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(id, NULL, SHM_RDONLY), EACCES);
    CHECK_ERRNO(shmctl(id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EPERM);
    CHECK_ERRNO(shmctl(id, SHM_LOCK, NULL), EPERM);
    CHECK_ERRNO(shmctl(id, IPC_SET, &change), EPERM);
}

static void as_its_own_root(void *argument)
{
    key_t key = *(key_t *)argument;
    int id = shmget(key, 0, 0);
    CHECK_OK(id);
    become_user(ALICE, CREW);
    if (unshare(CLONE_NEWUSER) == -1)
        SKIP("no user namespace: %s", strerror(errno));
    refused(key, id);
}

int main(void)
{
    share_namespace();
    key_t key = unique_key();
    CHECK_OK(shmget(key, 100, IPC_CREAT | 0600));
    RUN_CHILD(as_its_own_root, &key);
    return 0;
}
