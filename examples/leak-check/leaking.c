/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A test that passes and leaves a segment behind. */
#include <stddef.h>
#include <sys/shm.h>

int main(void)
{
    int segment = shmget(IPC_PRIVATE, 4096, 0600);
    void *memory = shmat(segment, NULL, 0);
    return memory == (void *)-1 || shmdt(memory) != 0;
}
