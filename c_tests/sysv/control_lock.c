/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHM_LOCK and SHM_UNLOCK: what the mode shows, and who may. */
#include "capabilities.h"
#include "users.h"

enum { OWNER = 1001, STRANGER = 1003 };

static void limit_locked_memory(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_OK(getrlimit(RLIMIT_MEMLOCK, &limit));
    CHECK(limit.rlim_max >= bytes);
    limit.rlim_cur = bytes;
    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
}

static void lock_and_unlock(int id)
{
    struct shmid_ds before = FIELDS(id);
    next_second();
    CHECK_EQ(shmctl(id, SHM_UNLOCK, NULL), 0); /* not locked */
    CHECK_EQ(shmctl(id, SHM_LOCK, NULL), 0);
    struct shmid_ds after = FIELDS(id), expected = before;
    expected.shm_perm.mode |= SHM_LOCKED;
    CHECK(memcmp(&after, &expected, sizeof after) == 0); /* No time moves. */
    CHECK_EQ(shmctl(id, SHM_LOCK, (struct shmid_ds *)8), 0); /* The buffer is not looked at. */
    CHECK_EQ(MODE(id), SHM_LOCKED | 0666);
    CHECK_EQ(shmctl(id, SHM_UNLOCK, (struct shmid_ds *)8), 0);
    after = FIELDS(id);
    CHECK(memcmp(&after, &before, sizeof after) == 0);
}

static void as_owner(void *argument)
{
    int id = *(int *)argument;
    become_user(OWNER, OWNER);
    limit_locked_memory(64 * page_size());
    lock_and_unlock(id);

    int large = NEW_SEGMENT(65 * page_size(), 0600);
    CHECK_ERRNO(shmctl(large, SHM_LOCK, NULL), ENOMEM);
    CHECK_EQ(MODE(large), 0600);

    limit_locked_memory(0);
    CHECK_ERRNO(shmctl(id, SHM_LOCK, NULL), EPERM);
    CHECK_EQ(shmctl(id, SHM_UNLOCK, NULL), 0);
    REMOVE(large);
}

/* The owner may unlock what root has locked. */
static void unlock_as_owner(void *id)
{
    become_user(OWNER, OWNER);
    limit_locked_memory(0);
    CHECK_EQ(shmctl(*(int *)id, SHM_UNLOCK, NULL), 0);
}

static void as_stranger(void *id)
{
    become_user(STRANGER, OWNER);
    CHECK_ERRNO(shmctl(*(int *)id, SHM_LOCK, NULL), EPERM);
    CHECK_ERRNO(shmctl(*(int *)id, SHM_UNLOCK, NULL), EPERM);
}

/* The capabilities that override everything else here do not override this. */
static void as_administrator(void *id)
{
    become_user_with(STRANGER, STRANGER, CAPABILITY(SYS_ADMIN) | CAPABILITY(IPC_OWNER));
    CHECK_ERRNO(shmctl(*(int *)id, SHM_LOCK, NULL), EPERM);
    CHECK_ERRNO(shmctl(*(int *)id, SHM_UNLOCK, NULL), EPERM);
    CHECK_OK(shmctl(*(int *)id, IPC_STAT, &(struct shmid_ds){0}));
}

int main(void)
{
    share_namespace();
    int id = NEW_SEGMENT(100, 0666);
    struct shmid_ds given = {.shm_perm = {.uid = OWNER, .gid = OWNER, .mode = 0666}};
    CHECK_OK(shmctl(id, IPC_SET, &given));
    lock_and_unlock(id); /* as root, who is not the owner but the creator */
    RUN_CHILD(as_owner, &id);
    RUN_CHILD(as_stranger, &id);
    RUN_CHILD(as_administrator, &id);
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    RUN_CHILD(unlock_as_owner, &id);
    CHECK_EQ(MODE(id), 0666);

    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    memory[0] = 1;
    CHECK_OK(shmdt(memory));
    CHECK_EQ(MODE(id), SHM_LOCKED | 0666);
    return 0;
}
