/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A test that removes what it makes. */
#include <stddef.h>
#include <sys/shm.h>

int main(void)
{
    int segment = shmget(IPC_PRIVATE, 4096, 0600);
    void *memory = shmat(segment, NULL, 0);
    if (memory == (void *)-1)
        return 1;
    return shmdt(memory) != 0 || shmctl(segment, IPC_RMID, NULL) != 0;
}
