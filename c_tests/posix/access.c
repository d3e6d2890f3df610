/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who may open and remove whose objects: the file's mode decides, by the file-system ids of the caller. */
#include "objects.h"
#include "users.h"

static const char *mine, *open_to_all, *write_only, *unreadable;

static const char *create(mode_t mode)
{
    const char *name = unique_name();
    umask(0);
    CHECK_OK(close(shm_open(name, O_CREAT | O_EXCL | O_RDWR, mode)));
    return name;
}

static void as_a_stranger(void *nothing)
{
    (void)nothing;
    become_user(BOB, GUESTS);
    CHECK_ERRNO(shm_open(mine, O_RDONLY, 0), EACCES);
    CHECK_ERRNO(shm_open(mine, O_RDWR, 0), EACCES);
    CHECK_ERRNO(shm_open(mine, O_CREAT | O_RDWR, 0600), EACCES);
    CHECK_ERRNO(shm_open(mine, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST); /* Before any right is looked at. */
    CHECK_ERRNO(shm_open(unreadable, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_OK(close(shm_open(open_to_all, O_RDWR, 0)));
    CHECK_OK(close(shm_open(write_only, O_WRONLY, 0)));
    CHECK_ERRNO(shm_open(write_only, O_RDONLY, 0), EACCES);
    CHECK_ERRNO(shm_open(write_only, O_RDONLY | O_TRUNC, 0), EACCES);
    CHECK_ERRNO(shm_unlink(mine), EACCES); /* The directory is sticky; unlink(2) would say EPERM. */
    CHECK_ERRNO(shm_unlink(open_to_all), EACCES);
    CHECK_ERRNO(shm_unlink(unique_name()), ENOENT);
    const char *own = create(0400);
    CHECK_ERRNO(shm_open(own, O_RDWR, 0), EACCES);
    CHECK_ERRNO(shm_open(own, O_RDONLY | O_TRUNC, 0), EACCES); /* Truncating asks for writing too. */
    CHECK_OK(close(shm_open(own, O_RDONLY, 0)));
    CHECK_OK(shm_unlink(own));
}

static void owner_without_the_bit(void *nothing)
{
    (void)nothing;
    become_user(ALICE, CREW);
    /* One class is used: the owner's, however much the others may do. */
    CHECK_ERRNO(shm_open(unreadable, O_RDONLY, 0), EACCES);
    CHECK_OK(shm_unlink(unreadable));
}

static void make_unreadable(void *nothing)
{
    (void)nothing;
    become_user(ALICE, CREW);
    umask(0);
    CHECK_OK(close(shm_open(unreadable, O_CREAT | O_EXCL | O_RDWR, 0066)));
}

/* An existing object, O_CREAT, a sticky directory of a third user: fs.protected_regular refuses even root. */
static void protected_regular(void)
{
    int level = 0;
    FILE *file = fopen("/proc/sys/fs/protected_regular", "re");
    CHECK(file == NULL || fscanf(file, "%d", &level) == 1);
    if (file != NULL)
        fclose(file);
    int again = shm_open(unreadable, O_CREAT | O_RDWR, 0600);
    if (level >= 1)
        CHECK(again == -1 && errno == EACCES);
    else
        CHECK_OK(close(again)); /* Root reads all. */
    CHECK_OK(close(shm_open(unreadable, O_RDWR, 0)));
}

int main(void)
{
    share_namespace();
    mine = create(0600);
    open_to_all = create(0666);
    write_only = create(0622);
    unreadable = unique_name();
    RUN_CHILD(make_unreadable, NULL);
    RUN_CHILD(as_a_stranger, NULL);
    protected_regular();
    RUN_CHILD(owner_without_the_bit, NULL);
    return 0;
}
