/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A segment given away without privilege: the new owner may use it, and so may its creator still. */
#include "users.h"

enum { CREATOR = ALICE, HEIR = BOB };

static key_t key;

static void create_and_give(void *unused)
{
    (void)unused;
    become_user(CREATOR, CREW);
    int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'c';
    struct shmid_ds given = {.shm_perm = {.uid = HEIR, .gid = GUESTS, .mode = 0640}};
    CHECK_OK(shmctl(id, IPC_SET, &given));
    memory[0]++;
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmdt(ATTACH(id, NULL, 0))); /* as its creator */
}

static void use_as_heir(void *unused)
{
    (void)unused;
    become_user(HEIR, GUESTS);
    int id = shmget(key, 100, 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[0], 'd');
    CHECK_OK(shmdt(memory));
}

static void look_as_member(void *group)
{
    become_user(HEIR + 1000, *(gid_t *)group);
    int id = shmget(key, 100, 0400);
    CHECK_OK(id);
    CHECK_OK(shmdt(ATTACH(id, NULL, SHM_RDONLY)));
    CHECK_ERRNO(shmat(id, NULL, 0), EACCES);
}

int main(void)
{
    share_namespace();
    key = unique_key();
    RUN_CHILD(create_and_give, NULL);
    RUN_CHILD(use_as_heir, NULL);
    RUN_CHILD(look_as_member, &(gid_t){GUESTS});
    RUN_CHILD(look_as_member, &(gid_t){CREW});
    return 0;
}
