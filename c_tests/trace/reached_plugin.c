/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plugin that uses a segment, and has a function of its own under the name of one of the C library's. */
#include <errno.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int plugin_makes(void);
int plugin_removes(int id);
int plugin_fails(int id);
int shm_unlink(void);

int plugin_makes(void)
{
    return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
}

int plugin_removes(int id)
{
    return shmctl(id, IPC_RMID, NULL);
}

/* errno of a call that fails; 0 if it does not. */
int plugin_fails(int id)
{
    return shmctl(id, IPC_RMID, NULL) == -1 ? errno : 0;
}

int shm_unlink(void)
{
    return 4711;
}
