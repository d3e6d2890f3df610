/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that do nothing, preloaded behind the recorder: what is left is the recorder's own time. */
#include <stddef.h>

int shmdt(const void *address) { return address == NULL ? -1 : 0; }
int close(int fd) { return fd < -1 ? -1 : 0; }
void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
{
    (void)address, (void)length, (void)protection, (void)flags, (void)fd, (void)offset;
    return (void *)4096;
}
