/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process that moves into a user namespace of its own in mid-life: it stays the owner of what is its own, and being
 * root in there gives no right to what is others'.
 */
#include "users.h"

static int own, others;
static struct channel made;

static void check_others_refused(void)
{
    struct shmid_ds change = {.shm_perm = {.uid = geteuid(), .gid = getegid(), .mode = 0666}};
    CHECK_ERRNO(shmctl(others, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    CHECK_ERRNO(shmat(others, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(others, NULL, SHM_RDONLY), EACCES);
    CHECK_ERRNO(shmctl(others, IPC_SET, &change), EPERM);
    CHECK_ERRNO(shmctl(others, IPC_RMID, NULL), EPERM);
}

static void unshare_user(void)
{
    if (unshare(CLONE_NEWUSER) == -1)
        SKIP("no user namespace: %s", strerror(errno));
}

static void without_map(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(own, NULL, 0); /* Who this is has been looked at. */
    CHECK_EQ(NATTCH(others), 0);
    unshare_user();
    check_others_refused();
    if (on_kernel()) { /* A library is told that this is nobody: see deviations/unmapped_owner.c. */
        CHECK_EQ(NATTCH(own), 1);
        CHECK_OK(shmdt(ATTACH(own, NULL, 0)));
    }
    CHECK_OK(shmdt(memory));
}

static void with_map(void *nothing)
{
    (void)nothing;
    ATTACH(own, NULL, 0);
    CHECK_EQ(NATTCH(others), 0);
    unshare_user();
    int map = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    CHECK_OK(map);
    if (write(map, "0 0 1\n", 6) != 6)
        SKIP("uid_map: %s", strerror(errno));
    close(map);
    CHECK_EQ(geteuid(), 0);
    check_others_refused();
    CHECK_EQ(NATTCH(own), 1);
    CHECK_OK(shmdt(ATTACH(own, NULL, 0)));
}

static void create(void *nothing)
{
    (void)nothing;
    become_user(ALICE, CREW);
    put_number(made, NEW_SEGMENT(100, 0600));
}

int main(void)
{
    share_namespace();
    made = new_channel();
    own = NEW_SEGMENT(100, 0600);
    RUN_CHILD(create, NULL);
    others = (int)get_number(made);
    RUN_CHILD(without_map, NULL);
    RUN_CHILD(with_map, NULL);
    CHECK_EQ(NATTCH(own), 0);
    return 0;
}
