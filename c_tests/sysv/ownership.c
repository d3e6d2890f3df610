/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IPC_SET and IPC_RMID are for the owner, the creator and CAP_SYS_ADMIN; owners may give a segment to anyone. */
#include "users.h"

enum { CREATOR = 1001, HEIR = 1002, STRANGER = 1003 };

static int set(int id, uid_t uid, gid_t gid, unsigned mode)
{
    struct shmid_ds fields = {.shm_perm = {.uid = uid, .gid = gid, .mode = (unsigned short)mode}};
    return shmctl(id, IPC_SET, &fields);
}

static void create(void *key)
{
    become_user(CREATOR, CREATOR);
    int id = shmget(*(key_t *)key, 100, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    CHECK_OK(set(id, HEIR, STRANGER, 0666));
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_perm.uid, HEIR);
    CHECK_EQ(fields.shm_perm.gid, STRANGER);
    CHECK_EQ(fields.shm_perm.cuid, CREATOR);
    CHECK_EQ(fields.shm_perm.cgid, CREATOR);
    CHECK_OK(set(id, HEIR, HEIR, 0666)); /* Still its creator. */
}

static void as_stranger(void *id)
{
    become_user(STRANGER, HEIR); /* Neither group counts for anything here. */
    CHECK_ERRNO(set(*(int *)id, STRANGER, STRANGER, 0666), EPERM);
    CHECK_ERRNO(shmctl(*(int *)id, IPC_RMID, NULL), EPERM);
}

static void as_heir(void *id)
{
    become_user(HEIR, STRANGER);
    CHECK_OK(set(*(int *)id, STRANGER, STRANGER, 0666));
    /* A former owner who is not the creator has no right left. */
    CHECK_ERRNO(set(*(int *)id, HEIR, HEIR, 0666), EPERM);
    CHECK_ERRNO(shmctl(*(int *)id, IPC_RMID, NULL), EPERM);
}

static void as_new_owner(void *id)
{
    become_user(STRANGER, STRANGER);
    CHECK_OK(set(*(int *)id, 0, 0, 0));
    CHECK_ERRNO(shmctl(*(int *)id, IPC_RMID, NULL), EPERM);
}

static void as_creator(void *id)
{
    become_user(CREATOR, CREATOR);
    CHECK_OK(set(*(int *)id, 12345, 12345, 0));
    CHECK_OK(shmctl(*(int *)id, IPC_RMID, NULL));
}

static void as_owner(void *id)
{
    become_user(HEIR, HEIR);
    CHECK_OK(shmctl(*(int *)id, IPC_RMID, NULL));
}

int main(void)
{
    share_namespace();
    key_t key = unique_key();
    RUN_CHILD(create, &key);
    int id = shmget(key, 0, 0);
    CHECK_OK(id);
    RUN_CHILD(as_stranger, &id);
    RUN_CHILD(as_heir, &id);
    RUN_CHILD(as_new_owner, &id);
    CHECK_OK(set(id, 0, 0, 0600)); /* As root: CAP_SYS_ADMIN. */
    RUN_CHILD(as_creator, &id);
    CHECK_GONE(id);

    RUN_CHILD(create, &key);
    id = shmget(key, 0, 0);
    RUN_CHILD(as_owner, &id);
    CHECK_GONE(id);

    RUN_CHILD(create, &key);
    id = shmget(key, 0, 0);
    REMOVE(id);
    CHECK_GONE(id);
    return 0;
}
