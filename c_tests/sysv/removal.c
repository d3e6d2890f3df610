/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IPC_RMID: at once with nobody attached, else with the last detach; the key is free at once either way. */
#include "harness.h"

static void check_every_call_refuses(int id)
{
    struct shmid_ds fields = {0};
    CHECK_ERRNO(shmat(id, NULL, 0), EINVAL);
    CHECK_ERRNO(shmctl(id, IPC_STAT, &fields), EINVAL);
    CHECK_ERRNO(shmctl(id, IPC_SET, &fields), EINVAL);
    CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EINVAL);
    CHECK_ERRNO(shmctl(id, SHM_LOCK, NULL), EINVAL);
    CHECK_ERRNO(shmctl(id, SHM_UNLOCK, NULL), EINVAL);
}

static void unattached(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    REMOVE(id);
    check_every_call_refuses(id);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);

    id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmctl(id, IPC_RMID, (struct shmid_ds *)1)); /* The buffer is not looked at. */
    check_every_call_refuses(id);
}

static void attached(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | 0640);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 1;
    struct shmid_ds before = FIELDS(id);
    next_second();
    REMOVE(id);

    /* Only the key and the mode show it; and the id goes on working. */
    struct shmid_ds after = FIELDS(id), expected = before;
    expected.shm_perm.__key = 0;
    expected.shm_perm.mode = SHM_DEST | 0640;
    CHECK(memcmp(&after, &expected, sizeof after) == 0);
    REMOVE(id);
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
    CHECK_EQ(shmctl(id, SHM_STAT, &after), id);
    struct shmid_ds change = {.shm_perm = {.uid = geteuid(), .gid = getegid(), .mode = 0644}};
    CHECK_OK(shmctl(id, IPC_SET, &change));
    CHECK_EQ(MODE(id), SHM_DEST | 0644);

    char *again = ATTACH(id, NULL, 0);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_EQ(again[0], 1);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(again));
    check_every_call_refuses(id);
}

/* A server that restarts removes the segment while it is attached, then makes another of the same key. */
static void key_is_free(void)
{
    key_t key = unique_key();
    int old = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(old);
    char *old_memory = ATTACH(old, NULL, 0);
    old_memory[0] = 1;
    REMOVE(old);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    int new = shmget(key, 200, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(new);
    CHECK(new != old);
    char *new_memory = ATTACH(new, NULL, 0);
    CHECK_EQ(new_memory[0], 0);
    CHECK_EQ(old_memory[0], 1);
    CHECK_OK(shmdt(old_memory));
    CHECK_GONE(old);
    CHECK_EQ(shmget(key, 0, 0), new);
    CHECK_OK(shmdt(new_memory));
    REMOVE(new);
}

int main(void)
{
    unattached();
    attached();
    key_is_free();
    return 0;
}
