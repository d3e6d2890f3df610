/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmctl: which condition decides first, command by command. */
#include "users.h"

static const int commands[] = {IPC_RMID,   IPC_SET,  IPC_STAT, IPC_INFO,    SHM_LOCK,
                               SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY};
enum { COMMANDS = sizeof commands / sizeof *commands };

#define BAD ((struct shmid_ds *)8)

/* Negative numbers first, for all commands, also those that do not use the id; then the command itself. */
static void malformed(int id)
{
    struct shmid_ds fields = {0};
    for (int i = 0; i < COMMANDS; i++) {
        CHECK_ERRNO(shmctl(-1, commands[i], &fields), EINVAL);
        CHECK_ERRNO(shmctl(-1, commands[i], BAD), EINVAL);
        CHECK_ERRNO(shmctl(INT32_MIN, commands[i], &fields), EINVAL);
        CHECK_ERRNO(shmctl(id, commands[i] | 0x100, &fields), EINVAL);
        CHECK_ERRNO(shmctl(-1, commands[i] | 0x100, BAD), EINVAL);
    }
    static const int unknown[] = {-1, INT32_MIN, 4, 5, 10, 16, 17, 18, 100, 0x10000, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        CHECK_ERRNO(shmctl(id, unknown[i], &fields), EINVAL);
        CHECK_ERRNO(shmctl(id, unknown[i], BAD), EINVAL);
        CHECK_ERRNO(shmctl(-1, unknown[i], BAD), EINVAL);
    }
}

static void bad_ids(int id)
{
    int removed = NEW_SEGMENT(1, 0600);
    REMOVE(removed);
    int bad[] = {id + 32768, removed, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERRNO(shmctl(bad[i], IPC_STAT, BAD), EINVAL);
        CHECK_ERRNO(shmctl(bad[i], IPC_SET, BAD), EFAULT); /* The buffer is read before anything is looked up. */
        CHECK_ERRNO(shmctl(bad[i], IPC_SET, &(struct shmid_ds){0}), EINVAL);
        CHECK_ERRNO(shmctl(bad[i], IPC_RMID, BAD), EINVAL);
        CHECK_ERRNO(shmctl(bad[i], SHM_LOCK, BAD), EINVAL);
        CHECK_ERRNO(shmctl(bad[i], SHM_UNLOCK, BAD), EINVAL);
    }
    CHECK_ERRNO(shmctl(32767, SHM_STAT, BAD), EINVAL); /* an empty slot */
    CHECK_ERRNO(shmctl(32767, SHM_STAT_ANY, BAD), EINVAL);
    CHECK_ERRNO(shmctl(id, SHM_STAT, BAD), EFAULT);
    CHECK_ERRNO(shmctl(id, SHM_STAT_ANY, BAD), EFAULT);
}

static void as_stranger(void *argument)
{
    int id = *(int *)argument;
    become_user(1001, 1001);
    CHECK_ERRNO(shmctl(id, IPC_STAT, BAD), EACCES);
    CHECK_ERRNO(shmctl(id, SHM_STAT, BAD), EACCES);
    CHECK_ERRNO(shmctl(id, SHM_STAT_ANY, BAD), EFAULT);
    CHECK_ERRNO(shmctl(id, IPC_SET, BAD), EFAULT);
    struct shmid_ds nobody = {.shm_perm = {.uid = (uid_t)-1, .gid = (gid_t)-1}};
    CHECK_ERRNO(shmctl(id, IPC_SET, &nobody), EPERM);
    CHECK_ERRNO(shmctl(id, IPC_RMID, BAD), EPERM);
    CHECK_ERRNO(shmctl(id, SHM_LOCK, BAD), EPERM);
    CHECK_ERRNO(shmctl(id, SHM_UNLOCK, BAD), EPERM);
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    int id = NEW_SEGMENT(100, 0600);
    struct shmid_ds before = FIELDS(id);
    malformed(id);
    bad_ids(id);
    if (geteuid() == 0)
        RUN_CHILD(as_stranger, &id);
    struct shmid_ds after = FIELDS(id);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    return 0;
}
