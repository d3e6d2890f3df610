/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * CAP_IPC_OWNER overrides the mode of a segment for the library's own checks, but the memory is a file, and the
 * kernel opens a file against its mode only with CAP_DAC_OVERRIDE: without that, attaching fails with EACCES.
 */
#include "capabilities.h"
#include "users.h"

static void with_ipc_owner(void *argument)
{
    key_t key = *(key_t *)argument;
    become_user_with(ALICE, CREW, CAPABILITY(IPC_OWNER));
    int id = shmget(key, 0, 0600);
    CHECK_OK(id);
    CHECK_OK(shmctl(id, IPC_STAT, &(struct shmid_ds){0}));
    CHECK_ERRNO(shmat(id, NULL, 0), EACCES);
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(FIELDS(id).shm_lpid, 0);
}

static void with_both(void *argument)
{
    become_user_with(ALICE, CREW, CAPABILITY(IPC_OWNER) | CAPABILITY(DAC_OVERRIDE));
    CHECK_OK(shmdt(ATTACH(shmget(*(key_t *)argument, 0, 0600), NULL, 0)));
}

int main(void)
{
    share_namespace();
    key_t key = unique_key();
    CHECK_OK(shmget(key, 100, IPC_CREAT | 0));
    RUN_CHILD(with_ipc_owner, &key);
    RUN_CHILD(with_both, &key);
    return 0;
}
