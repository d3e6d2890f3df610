/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Attaching and detaching stamp their own time and the caller; the rest of the fields stay. */
#include "harness.h"

static void attach_and_detach(void *argument)
{
    int id = *(int *)argument;
    struct shmid_ds new = FIELDS(id);
    time_t from = seconds_now();
    char *memory = ATTACH(id, NULL, 0);
    struct shmid_ds attached = FIELDS(id);
    CHECK_STAMPED(attached.shm_atime, from);
    CHECK_EQ(attached.shm_dtime, new.shm_dtime);
    CHECK_EQ(attached.shm_ctime, new.shm_ctime);
    CHECK_EQ(attached.shm_cpid, new.shm_cpid);
    CHECK_EQ(attached.shm_lpid, getpid());
    CHECK_EQ(attached.shm_nattch, new.shm_nattch + 1);

    next_second();
    from = seconds_now();
    CHECK_OK(shmdt(memory));
    struct shmid_ds detached = FIELDS(id);
    CHECK_STAMPED(detached.shm_dtime, from);
    CHECK(detached.shm_dtime > attached.shm_atime);
    CHECK_EQ(detached.shm_atime, attached.shm_atime);
    CHECK_EQ(detached.shm_ctime, new.shm_ctime);
    CHECK_EQ(detached.shm_cpid, new.shm_cpid);
    CHECK_EQ(detached.shm_lpid, getpid());
    CHECK_EQ(detached.shm_nattch, new.shm_nattch);
}

int main(void)
{
    int id = NEW_SEGMENT(100, 0600);
    next_second();
    attach_and_detach(&id);
    RUN_CHILD(attach_and_detach, &id);
    CHECK_EQ(FIELDS(id).shm_cpid, getpid());
    CHECK(FIELDS(id).shm_lpid != getpid());
    attach_and_detach(&id);
    return 0;
}
