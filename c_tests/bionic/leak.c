/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Leaves a segment behind, from a thread and a function of its own: the recorder has to name the line. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static void *leave_behind(void *key)
{
    int id = shmget(*(key_t *)key, 4096, IPC_CREAT | 0600); /* line 11 */
    return id == -1 ? NULL : key;
}

int main(void)
{
    key_t key = 0x1eac;
    pthread_t thread;
    void *made = NULL;
    if (pthread_create(&thread, NULL, leave_behind, &key) != 0 || pthread_join(thread, &made) != 0)
        return 1;
    return made == NULL;
}
