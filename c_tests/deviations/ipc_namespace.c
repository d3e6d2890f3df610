/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A new IPC namespace (unshare, clone) holds no segments on the kernel. The library's segments are those of a directory,
 * so a process that unshares goes on with them, as it goes on with its files: what separates is another PARTAGE_DIR, or
 * another /dev/shm in a mount namespace. Nothing is lost either way: attachments stay, and are counted.
 */
#include "harness.h"

int main(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'm';
    if (unshare(CLONE_NEWIPC) == -1)
        SKIP("no new IPC namespace: %s", strerror(errno));
    CHECK_EQ(shmget(key, 0, 0), id);
    CHECK_EQ(NATTCH(id), 1);
    char *again = ATTACH(id, NULL, 0);
    CHECK_EQ(again[0], 'm');
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(again));
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    CHECK_GONE(id);
    return 0;
}
