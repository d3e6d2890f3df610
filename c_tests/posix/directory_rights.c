/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A directory that the caller may not write, a file system that is read-only, and none at all. */
#include "objects.h"
#include "users.h"

static const char *present;

static void make_present(void)
{
    present = unique_name();
    umask(0);
    CHECK_OK(close(shm_open(present, O_CREAT | O_RDWR, 0666)));
}

static void unwritable_directory(void *nothing)
{
    (void)nothing;
    mount_on_object_directory("mode=0755");
    make_present();
    become_user(BOB, GUESTS);
    const char *absent = unique_name();
    CHECK_ERRNO(shm_open(absent, O_CREAT | O_RDWR, 0600), EACCES);
    CHECK_ERRNO(shm_open(absent, O_RDWR, 0600), ENOENT);
    CHECK_OK(close(shm_open(present, O_CREAT | O_RDWR, 0600)));
    CHECK_ERRNO(shm_unlink(present), EACCES);
    CHECK_ERRNO(shm_unlink(absent), ENOENT);
}

static void read_only_mount(void *nothing)
{
    (void)nothing;
    mount_on_object_directory("mode=1777");
    make_present();
    CHECK_OK(mount("none", object_directory(), NULL, MS_REMOUNT | MS_RDONLY, NULL));
    const char *absent = unique_name();
    CHECK_ERRNO(shm_open(absent, O_CREAT | O_RDWR, 0600), EROFS);
    CHECK_ERRNO(shm_open(absent, O_RDWR, 0600), ENOENT);
    CHECK_ERRNO(shm_open(present, O_RDWR, 0600), EROFS);
    CHECK_OK(close(shm_open(present, O_RDONLY, 0)));
    CHECK_ERRNO(shm_unlink(present), EROFS);
    CHECK_ERRNO(shm_unlink(absent), EROFS);
}

/* Only the system's own directory cannot be made by the library: without it there is nothing to open. */
static void no_directory(void *nothing)
{
    (void)nothing;
    if (!on_kernel())
        return;
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("tmpfs", "/dev", "tmpfs", 0, "mode=0755"));
    CHECK_ERRNO(shm_open(unique_name(), O_CREAT | O_RDWR, 0600), ENOENT);
    CHECK_ERRNO(shm_open(unique_name(), O_RDONLY, 0600), ENOENT);
    CHECK_ERRNO(shm_unlink(unique_name()), ENOENT);
}

int main(void)
{
    share_namespace();
    RUN_CHILD(unwritable_directory, NULL);
    RUN_CHILD(read_only_mount, NULL);
    RUN_CHILD(no_directory, NULL);
    return 0;
}
