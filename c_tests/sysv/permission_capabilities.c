/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CAP_IPC_OWNER overrides the mode, and nothing else does: not uid 0, not any other capability. */
#include "capabilities.h"
#include "users.h"

static void refused(key_t key, int id)
{
    CHECK_ERRNO(shmget(key, 0, 0400), EACCES);
    CHECK_ERRNO(shmat(id, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(id, NULL, SHM_RDONLY), EACCES);
    CHECK_ERRNO(shmctl(id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    CHECK_EQ(shmget(key, 0, 0), id);
}

static void allowed(key_t key, int id)
{
    CHECK_EQ(shmget(key, 0, 0777), id);
    CHECK_OK(shmctl(id, IPC_STAT, &(struct shmid_ds){0}));
    char *memory = ATTACH(id, NULL, SHM_EXEC);
    memory[0] = 1;
    CHECK_OK(shmdt(memory));
}

struct segment {
    key_t key;
    int id;
};

static void as_root_without_capabilities(void *argument)
{
    struct segment *segment = argument;
    keep_capabilities(0);
    refused(segment->key, segment->id);
}

static void as_root_with_other_capabilities(void *argument)
{
    struct segment *segment = argument;
    keep_capabilities(CAPABILITY(SYS_ADMIN) | CAPABILITY(IPC_LOCK) | CAPABILITY(DAC_OVERRIDE) | CAPABILITY(FOWNER));
    refused(segment->key, segment->id);
}

static void as_root(void *argument)
{
    struct segment *segment = argument;
    allowed(segment->key, segment->id);
}

static void as_user_with_ipc_owner(void *argument)
{
    struct segment *segment = argument;
    /* On partage the memory is a file, which has rules of its own: deviations/ipc_owner_alone.c. */
    become_user_with(1003, 2003, CAPABILITY(IPC_OWNER) | (on_kernel() ? 0 : CAPABILITY(DAC_OVERRIDE)));
    allowed(segment->key, segment->id);
    /* The capability is about access; changing and removing are about ownership. */
    struct shmid_ds fields = FIELDS(segment->id);
    CHECK_ERRNO(shmctl(segment->id, IPC_SET, &fields), EPERM);
    CHECK_ERRNO(shmctl(segment->id, IPC_RMID, NULL), EPERM);
}

static void create_as_user(void *key)
{
    become_user(1001, 2001);
    CHECK_OK(shmget(*(key_t *)key, 100, IPC_CREAT | IPC_EXCL | 0));
}

int main(void)
{
    share_namespace();
    struct segment segment = {.key = unique_key()};
    RUN_CHILD(create_as_user, &segment.key);
    segment.id = shmget(segment.key, 0, 0);
    CHECK_OK(segment.id);
    RUN_CHILD(as_root, &segment);
    RUN_CHILD(as_root_without_capabilities, &segment);
    RUN_CHILD(as_root_with_other_capabilities, &segment);
    RUN_CHILD(as_user_with_ipc_owner, &segment);
    return 0;
}
