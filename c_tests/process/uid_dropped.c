/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process that gives up its user after attaching keeps what it has, counts as before, and forks as before. */
#include "users.h"

static int id, private;
static char *memory;

static void child(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_ERRNO(shmat(private, NULL, 0), EACCES);
}

static void dropped(void *nothing)
{
    (void)nothing;
    memory = ATTACH(id, NULL, 0);
    char *secret = ATTACH(private, NULL, 0);
    become_user(ALICE, CREW);
    memory[0] = 'm';
    secret[0] = 's'; /* Rights were looked at when it was attached. */
    CHECK_EQ(NATTCH(id), 1);
    CHECK_ERRNO(shmat(private, NULL, 0), EACCES);
    CHECK_ERRNO(shmctl(private, IPC_RMID, NULL), EPERM);
    RUN_CHILD(child, NULL);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    memory = ATTACH(id, NULL, SHM_RDONLY);
    CHECK_EQ(memory[0], 'm');
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmdt(secret));
    CHECK_EQ(NATTCH(id), 0);
    int own = NEW_SEGMENT(100, 0600);
    CHECK_EQ(FIELDS(own).shm_perm.cuid, ALICE);
    REMOVE(own);
    ATTACH(id, NULL, 0);
}

int main(void)
{
    share_namespace();
    id = NEW_SEGMENT(100, 0666);
    private = NEW_SEGMENT(100, 0600);
    RUN_CHILD(dropped, NULL);
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(NATTCH(private), 0);
    return 0;
}
