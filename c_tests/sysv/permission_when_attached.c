/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rights are looked at when attaching, never again: what is attached stays usable whatever the mode becomes. */
#include "users.h"

static void as_user(void *argument)
{
    int *ids = argument;
    char *before = ATTACH(ids[0], NULL, 0);
    become_user(1001, 1001);
    before[0] = 1; /* Attached as root, used as somebody who could not. */
    CHECK_ERRNO(shmat(ids[0], NULL, 0), EACCES);
    CHECK_OK(shmdt(before));

    /* Closing one's own segment. */
    int id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    struct shmid_ds fields = FIELDS(id);
    fields.shm_perm.mode = 0;
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    memory[0] = 7;
    CHECK_EQ(memory[0], 7);
    CHECK_ERRNO(shmat(id, NULL, SHM_RDONLY), EACCES);
    CHECK_OK(shmdt(memory));
    CHECK_ERRNO(shmctl(id, IPC_STAT, &fields), EACCES);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

int main(void)
{
    share_namespace();
    int id = NEW_SEGMENT(100, 0600);
    RUN_CHILD(as_user, &id);
    char *memory = ATTACH(id, NULL, SHM_RDONLY);
    CHECK_EQ(memory[0], 1);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
