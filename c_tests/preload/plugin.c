/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plugin that uses a segment. */
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/shm.h>

/* Returns nattch of a segment attached once, or -1 with errno. */
long plugin_uses_segment(void)
{
    struct shmid_ds fields;
    int id = shmget(IPC_PRIVATE, 100, 0600);
    if (id == -1)
        return -1;
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1 || shmctl(id, IPC_STAT, &fields) == -1)
        return -1;
    return shmdt(memory) == -1 || shmctl(id, IPC_RMID, NULL) == -1 ? -1 : (long)fields.shm_nattch;
}
