/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who owns a new object: the file-system ids of its maker, or the group of a set-group-ID directory. */
#include "objects.h"
#include "users.h"

static void check_owner(uid_t uid, gid_t gid)
{
    const char *name = unique_name();
    int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK_OK(file);
    CHECK_EQ(object_status(file).st_uid, uid);
    CHECK_EQ(object_status(file).st_gid, gid);
    CHECK_OK(close(file));
    CHECK_OK(shm_unlink(name));
}

static void effective_ids(void *nothing)
{
    (void)nothing;
    CHECK_OK(setegid(CREW));
    CHECK_OK(seteuid(ALICE));
    check_owner(ALICE, CREW);
}

static void file_system_ids(void *nothing)
{
    (void)nothing;
    setfsgid(GUESTS);
    setfsuid(BOB);
    check_owner(BOB, GUESTS);
}

static void group_of_the_directory(void *nothing)
{
    (void)nothing;
    mount_on_object_directory("mode=3777");
    CHECK_OK(chown(object_directory(), 0, GUESTS));
    CHECK_OK(chmod(object_directory(), 03777));
    become_user(ALICE, CREW);
    check_owner(ALICE, GUESTS);
}

int main(void)
{
    share_namespace();
    make_object_directory();
    RUN_CHILD(effective_ids, NULL);
    RUN_CHILD(file_system_ids, NULL);
    RUN_CHILD(group_of_the_directory, NULL);
    return 0;
}
