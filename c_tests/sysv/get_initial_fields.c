/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fields of a new segment. */
#include "users.h"

static void check_fields(int id, key_t key, size_t size, int mode, uid_t uid, gid_t gid, time_t from)
{
    struct shmid_ds fields;
    memset(&fields, 0xff, sizeof fields);
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_perm.__key, key);
    CHECK_EQ(fields.shm_perm.uid, uid);
    CHECK_EQ(fields.shm_perm.gid, gid);
    CHECK_EQ(fields.shm_perm.cuid, uid);
    CHECK_EQ(fields.shm_perm.cgid, gid);
    CHECK_EQ(fields.shm_perm.mode, mode);
    CHECK_EQ(fields.shm_perm.__seq, id >> 15);
    CHECK_EQ(fields.shm_segsz, size);
    CHECK_EQ(fields.shm_atime, 0);
    CHECK_EQ(fields.shm_dtime, 0);
    CHECK_STAMPED(fields.shm_ctime, from);
    CHECK_EQ(fields.shm_cpid, getpid());
    CHECK_EQ(fields.shm_lpid, 0);
    CHECK_EQ(fields.shm_nattch, 0);
}

/* All 112 bytes are written; what has no meaning is zero. */
static void check_padding(int id)
{
    struct shmid_ds fields, expected;
    memset(&fields, 0xff, sizeof fields);
    memset(&expected, 0, sizeof expected);
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    expected.shm_perm.__key = fields.shm_perm.__key;
    expected.shm_perm.uid = fields.shm_perm.uid;
    expected.shm_perm.gid = fields.shm_perm.gid;
    expected.shm_perm.cuid = fields.shm_perm.cuid;
    expected.shm_perm.cgid = fields.shm_perm.cgid;
    expected.shm_perm.mode = fields.shm_perm.mode;
    expected.shm_perm.__seq = fields.shm_perm.__seq;
    expected.shm_segsz = fields.shm_segsz;
    expected.shm_ctime = fields.shm_ctime;
    expected.shm_cpid = fields.shm_cpid;
    CHECK(memcmp(&fields, &expected, sizeof fields) == 0);
}

/* The effective ids count, not the real ones; the umask does not count. */
static void as_set_uid_program(void *unused)
{
    (void)unused;
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(2001, 2002, 2003));
    CHECK_OK(setresuid(1001, 1002, 1003));
    time_t from = seconds_now();
    check_fields(NEW_SEGMENT(1, 0666), 0, 1, 0666, 1002, 2002, from);
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    umask(0777);
    time_t from = seconds_now();
    check_fields(NEW_SEGMENT(100, 0777), 0, 100, 0777, geteuid(), getegid(), from);
    check_fields(NEW_SEGMENT(page_size(), 0400), 0, page_size(), 0400, geteuid(), getegid(), from);
    key_t key = unique_key();
    int id = shmget(key, page_size() + 1, IPC_CREAT | 0604);
    CHECK_OK(id);
    check_fields(id, key, page_size() + 1, 0604, geteuid(), getegid(), from);
    check_padding(id);
    if (geteuid() == 0)
        RUN_CHILD(as_set_uid_program, NULL);
    return 0;
}
