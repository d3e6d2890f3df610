/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several users in one namespace: each is held to its rights, and counts like any other. */
#include "users.h"

static int open_to_all, group_only, owners_only;
static struct channel ready, go_alice, go_bob;

static void stranger(void *nothing)
{
    (void)nothing;
    become_user(BOB, GUESTS);
    char *memory = ATTACH(open_to_all, NULL, 0);
    CHECK(strcmp(memory, "from alice") == 0);
    memory[50] = 'b';
    CHECK_ERRNO(shmat(group_only, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(owners_only, NULL, 0), EACCES);
    CHECK_ERRNO(shmctl(owners_only, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    CHECK_ERRNO(shmctl(open_to_all, IPC_RMID, NULL), EPERM);
    struct shmid_ds fields = FIELDS(open_to_all);
    CHECK_EQ(fields.shm_nattch, 2);
    CHECK_EQ(fields.shm_perm.uid, ALICE);
    CHECK_EQ(fields.shm_lpid, getpid());
    int own = NEW_SEGMENT(100, 0600);
    ATTACH(own, NULL, 0);
    CHECK_EQ(FIELDS(own).shm_perm.uid, BOB);
    CHECK_EQ(FIELDS(own).shm_perm.cgid, GUESTS);
    REMOVE(own);
    put_number(ready, 1);
    get_number(go_bob);
    raise(SIGKILL);
}

static void member_of_the_group(void *nothing)
{
    (void)nothing;
    become_user(BOB, CREW);
    char *memory = ATTACH(group_only, NULL, SHM_RDONLY);
    CHECK_EQ(memory[0], 'g');
    CHECK_ERRNO(shmat(group_only, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(owners_only, NULL, 0), EACCES);
}

static void alice(void *nothing)
{
    (void)nothing;
    become_user(ALICE, CREW);
    open_to_all = NEW_SEGMENT(100, 0666);
    group_only = NEW_SEGMENT(100, 0640);
    owners_only = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(open_to_all, NULL, 0);
    strcpy(memory, "from alice");
    ATTACH(group_only, NULL, 0)[0] = 'g';
    put_number(ready, open_to_all);
    put_number(ready, group_only);
    put_number(ready, owners_only);
    get_number(go_alice);
    CHECK_EQ(memory[50], 'b');
    CHECK_EQ(NATTCH(open_to_all), 1); /* The other user's process has been killed. */
    REMOVE(open_to_all);
    REMOVE(group_only);
    REMOVE(owners_only);
}

int main(void)
{
    share_namespace();
    ready = new_channel();
    go_alice = new_channel();
    go_bob = new_channel();
    pid_t first = start_child(alice, NULL);
    open_to_all = (int)get_number(ready);
    group_only = (int)get_number(ready);
    owners_only = (int)get_number(ready);
    pid_t second = start_child(stranger, NULL);
    get_number(ready);
    CHECK_EQ(NATTCH(open_to_all), 2);
    put_number(go_bob, 1);
    EXPECT_SIGNAL(second, SIGKILL);
    RUN_CHILD(member_of_the_group, NULL);
    put_number(go_alice, 1);
    EXPECT_EXIT(first, 0);
    CHECK_GONE(open_to_all);
    return 0;
}
