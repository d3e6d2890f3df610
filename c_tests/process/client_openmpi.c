/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenMPI's probe, and its way of sharing: the id still answers and attaches after its removal. */
#include "harness.h"

static int id;

static void other_rank(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[4096], 'r');
    memory[4097] = 's';
}

int main(void)
{
    id = NEW_SEGMENT(4096, IPC_CREAT | IPC_EXCL | SHM_R | SHM_W);
    char *memory = ATTACH(id, NULL, 0);
    REMOVE(id);
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 1);
    CHECK_EQ(fields.shm_perm.mode & 01777, 01600);
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);

    id = NEW_SEGMENT(8192, IPC_CREAT | IPC_EXCL | SHM_R | SHM_W);
    memory = ATTACH(id, NULL, 0);
    memory[4096] = 'r';
    REMOVE(id);
    RUN_CHILD(other_rank, NULL);
    CHECK_EQ(memory[4097], 's');
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
    return 0;
}
