/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ownership and rights go by the effective user: the user for files, which setfsuid(2) changes, does not count. */
#include "users.h"

#include <sys/fsuid.h>

static key_t key;
static struct channel made;

static void refused(void *argument)
{
    int id = *(int *)argument;
    CHECK_OK(setresgid(GUESTS, GUESTS, GUESTS));
    CHECK_OK(setresuid(ALICE, ALICE, ALICE));
    CHECK_ERRNO(shmat(id, NULL, SHM_RDONLY), EACCES);
    CHECK_ERRNO(shmctl(id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EPERM);
}

static void by_bob(void *argument)
{
    int id = *(int *)argument;
    become_user(BOB, CREW);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[0], 'm');
    CHECK_OK(shmdt(memory));
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_perm.uid, BOB);
    CHECK_EQ(fields.shm_perm.cuid, BOB);
    fields.shm_perm.mode = 0640;
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    CHECK_EQ(MODE(id), 0640);
}

static void use(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'm';
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
}

/* Root with a file user of somebody else's: what it makes is root's. */
static void root_for_files_as_alice(void *nothing)
{
    (void)nothing;
    setfsuid(ALICE);
    int id = NEW_SEGMENT(100, 0600);
    CHECK_EQ(FIELDS(id).shm_perm.uid, 0);
    CHECK_EQ(FIELDS(id).shm_perm.cuid, 0);
    use(id);
    CHECK_OK(shmget(key, 100, IPC_CREAT | 0600));
    setfsuid(0);
    use(id);
    use(shmget(key, 0, 0600));
    RUN_CHILD(refused, &id);
    REMOVE(id);
}

/* An ordinary user may take the file user of his real one. */
static void bob_for_files_as_alice(void *nothing)
{
    (void)nothing;
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(CREW, CREW, CREW));
    CHECK_OK(setresuid(ALICE, BOB, BOB));
    setfsuid(ALICE);
    CHECK_EQ(setfsuid(ALICE), ALICE);
    int id = NEW_SEGMENT(100, 0600);
    use(id);
    ATTACH(id, NULL, 0)[0] = 'm';
    put_number(made, id);
}

/* Rights to what is there already: alice's own, with bob's effective user, are none. */
static void bob_looks_at_alices(void *argument)
{
    int id = *(int *)argument;
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(GUESTS, GUESTS, GUESTS));
    CHECK_OK(setresuid(ALICE, BOB, BOB));
    setfsuid(ALICE);
    CHECK_ERRNO(shmctl(id, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    CHECK_ERRNO(shmat(id, NULL, 0), EACCES);
    CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EPERM);
}

static void alice_creates(void *nothing)
{
    (void)nothing;
    become_user(ALICE, CREW);
    put_number(made, NEW_SEGMENT(100, 0600));
}

int main(void)
{
    share_namespace();
    key = unique_key();
    made = new_channel();
    int first = NEW_SEGMENT(1, 0600); /* The namespace is there. */
    REMOVE(first);
    RUN_CHILD(root_for_files_as_alice, NULL);
    RUN_CHILD(bob_for_files_as_alice, NULL);
    int id = (int)get_number(made);
    RUN_CHILD(by_bob, &id);
    RUN_CHILD(refused, &id);
    REMOVE(id);
    RUN_CHILD(alice_creates, NULL);
    id = (int)get_number(made);
    RUN_CHILD(bob_looks_at_alices, &id);
    REMOVE(id);
    return 0;
}
