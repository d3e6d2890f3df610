/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What can be had is what the file system of the namespace holds, not memory and swap: a larger segment is refused
 * when it is created, as ENOMEM or ENOSPC, and not by a signal when it is used. SHM_NORESERVE skips that check.
 */
#include "harness.h"

#include <sys/mount.h>

enum { MIB = 1 << 20 };

int main(void)
{
    need_root();
    if (unshare(CLONE_NEWNS) == -1)
        SKIP("no mount namespace of its own: %s", strerror(errno));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("none", getenv("PARTAGE_DIR"), "tmpfs", 0, "size=16m,mode=700"));

    key_t key = unique_key();
    CHECK_EQ(shmget(key, 64 * MIB, IPC_CREAT | 0600), -1);
    CHECK(errno == ENOMEM || errno == ENOSPC);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);

    int id = NEW_SEGMENT(8 * MIB, 0600);
    char *memory = ATTACH(id, NULL, 0);
    memset(memory, 1, 8 * MIB);
    CHECK_EQ(shmget(key, 12 * MIB, IPC_CREAT | 0600), -1);
    CHECK(errno == ENOMEM || errno == ENOSPC);
    REMOVE(id);
    CHECK_OK(shmdt(memory));

    id = shmget(key, 12 * MIB, IPC_CREAT | 0600); /* The memory of what is removed is there again. */
    CHECK_OK(id);
    memory = ATTACH(id, NULL, 0);
    memset(memory, 2, 12 * MIB);

    int sparse = NEW_SEGMENT(64 * MIB, SHM_NORESERVE | 0600);
    CHECK_EQ(FIELDS(sparse).shm_segsz, 64 * MIB);
    REMOVE(sparse);
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    return 0;
}
