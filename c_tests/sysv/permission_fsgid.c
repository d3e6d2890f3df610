/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Membership of the group is decided by the filesystem gid; real ids and the saved ones do not count. */
#include "users.h"

#include <sys/fsuid.h>

enum { OWNER = 1001, GROUP = 2001, STRANGER = 1003, STRANGER_GROUP = 2003 };

static void as_member(void *id)
{
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(GROUP, STRANGER_GROUP, GROUP)); /* real and saved: a member; effective: not */
    CHECK_OK(setresuid(OWNER, STRANGER, OWNER));       /* in the same way */
    CHECK_ERRNO(shmctl(*(int *)id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    setfsgid(GROUP);
    CHECK_OK(shmctl(*(int *)id, IPC_STAT, &(struct shmid_ds){0}));
    setfsgid(STRANGER_GROUP);
    CHECK_ERRNO(shmctl(*(int *)id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
}

static void as_effective_member(void *id)
{
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(STRANGER_GROUP, GROUP, STRANGER_GROUP));
    CHECK_OK(setresuid(STRANGER, STRANGER, STRANGER));
    CHECK_OK(shmctl(*(int *)id, IPC_STAT, &(struct shmid_ds){0}));
    setfsgid(STRANGER_GROUP);
    CHECK_ERRNO(shmctl(*(int *)id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
}

/* New segments take the effective gid all the same. */
static void create_with_other_fsgid(void *unused)
{
    (void)unused;
    CHECK_OK(setresgid(STRANGER_GROUP, GROUP, STRANGER_GROUP));
    setfsgid(STRANGER_GROUP);
    struct shmid_ds fields = FIELDS(NEW_SEGMENT(1, 0666));
    CHECK_EQ(fields.shm_perm.gid, GROUP);
    CHECK_EQ(fields.shm_perm.cgid, GROUP);
}

int main(void)
{
    share_namespace();
    int id = NEW_SEGMENT(100, 0040);
    struct shmid_ds fields = {.shm_perm = {.uid = OWNER, .gid = GROUP, .mode = 0040}};
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    RUN_CHILD(as_member, &id);
    RUN_CHILD(as_effective_member, &id);
    RUN_CHILD(create_with_other_fsgid, NULL);
    return 0;
}
