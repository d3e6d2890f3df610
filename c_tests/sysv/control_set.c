/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IPC_SET takes the owner, the group and nine mode bits from the buffer, and stamps ctime. */
#include "harness.h"

static void set(int id, uid_t uid, gid_t gid, unsigned mode)
{
    struct shmid_ds all_ones;
    memset(&all_ones, 0xff, sizeof all_ones);
    all_ones.shm_perm.uid = uid;
    all_ones.shm_perm.gid = gid;
    all_ones.shm_perm.mode = (unsigned short)mode;
    CHECK_OK(shmctl(id, IPC_SET, &all_ones));
}

/* Everything but what is named stays as it was. */
static void check_only(int id, struct shmid_ds expected, uid_t uid, gid_t gid, unsigned mode)
{
    struct shmid_ds fields = FIELDS(id);
    expected.shm_perm.uid = uid;
    expected.shm_perm.gid = gid;
    expected.shm_perm.mode = (unsigned short)mode;
    expected.shm_ctime = fields.shm_ctime;
    CHECK_EQ(fields.shm_perm.uid, uid);
    CHECK_EQ(fields.shm_perm.gid, gid);
    CHECK_EQ(fields.shm_perm.mode, mode);
    CHECK(memcmp(&fields, &expected, sizeof fields) == 0);
}

int main(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    struct shmid_ds before = FIELDS(id);
    uid_t uid = geteuid();
    gid_t gid = getegid();

    next_second();
    time_t from = seconds_now();
    set(id, uid, gid, 0600); /* Nothing changes, but the time does. */
    check_only(id, before, uid, gid, 0600);
    CHECK(FIELDS(id).shm_ctime > before.shm_ctime);
    CHECK_STAMPED(FIELDS(id).shm_ctime, from);

    set(id, uid, gid, 0177777);
    check_only(id, before, uid, gid, 0777);
    set(id, uid, gid, 0640 | SHM_DEST | SHM_LOCKED);
    check_only(id, before, uid, gid, 0640);
    set(id, 12345, 54321, 0604);
    if (uid == 0) { /* Others could not look at it any more. */
        check_only(id, before, 12345, 54321, 0604);
        set(id, uid, gid, 0604);
    }
    CHECK_EQ(shmget(key, 0, 0), id);

    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    set(id, uid, gid, 0600);
    check_only(id, before, uid, gid, SHM_LOCKED | 0600);
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));

    struct shmid_ds nobody = {.shm_perm = {.uid = (uid_t)-1, .gid = gid, .mode = 0644}};
    CHECK_ERRNO(shmctl(id, IPC_SET, &nobody), EINVAL);
    nobody = (struct shmid_ds){.shm_perm = {.uid = uid, .gid = (gid_t)-1, .mode = 0644}};
    CHECK_ERRNO(shmctl(id, IPC_SET, &nobody), EINVAL);
    check_only(id, before, uid, gid, 0600);
    CHECK_OK(shmdt(memory));
    return 0;
}
