/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a new object and its descriptor look like. */
#include "objects.h"

static void file_of_a_new_object(void)
{
    const char *name = unique_name();
    umask(022);
    errno = EDOM;
    int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0666);
    CHECK_EQ(errno, EDOM);
    struct stat status = object_status(file);
    CHECK(S_ISREG(status.st_mode));
    CHECK_EQ(status.st_mode & 07777, 0644);
    CHECK_EQ(status.st_size, 0);
    CHECK_EQ(status.st_nlink, 1);
    CHECK_EQ(status.st_uid, geteuid());
    CHECK_EQ(status.st_gid, getegid());
    CHECK_OK(close(file));
    errno = EDOM;
    CHECK_OK(shm_unlink(name));
    CHECK_EQ(errno, EDOM);
}

static void descriptor_of_a_new_object(void)
{
    int before = open_descriptors();
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK_OK(close(lowest));
    int file = shm_open(unique_name(), O_CREAT | O_RDWR, 0600);
    CHECK_EQ(file, lowest);
    CHECK_EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
    /* O_RDWR, O_LARGEFILE and O_NOFOLLOW; the values of the last two are swapped on some machines. */
    CHECK_EQ(fcntl(file, F_GETFL), 0500002);
    CHECK_OK(close(file));
    CHECK_EQ(open_descriptors(), before);
}

static void mode_and_umask(void)
{
    static const struct {
        mode_t mask, asked, given;
    } cases[] = {{022, 07777, 07755}, {0, 07777, 07777}, {0777, 0666, 0}, {077, 0666, 0600},
                 {0, 0, 0},           {0, 0444, 0444},   {027, 0777, 0750}, {0, 0600, 0600}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        umask(cases[i].mask);
        const char *name = unique_name();
        int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, cases[i].asked);
        CHECK_OK(file);
        CHECK_EQ(object_status(file).st_mode & 07777, cases[i].given);
        /* The creator has what it asked for, whatever the mode says. */
        CHECK_OK(ftruncate(file, 100));
        map_object(file, 100, PROT_READ | PROT_WRITE)[99] = 'x';
        CHECK_OK(close(file));
        CHECK_OK(shm_unlink(name));
    }
    umask(022);
}

static void existing_object(void)
{
    const char *name = unique_name();
    int file = new_object(name, 10);
    CHECK_EQ(write(file, "0123456789", 10), 10);
    int again = shm_open(name, O_CREAT | O_RDWR, 0777);
    CHECK_OK(again);
    CHECK_EQ(object_status(again).st_mode & 0777, 0600);
    CHECK_EQ(object_status(again).st_ino, object_status(file).st_ino);
    CHECK_EQ(object_status(again).st_size, 10);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_OK(close(again));
    again = shm_open(name, O_EXCL | O_RDWR, 0600); /* Means nothing by itself. */
    CHECK_OK(again);
    CHECK_OK(close(again));
    CHECK_OK(close(file));
}

int main(void)
{
    file_of_a_new_object();
    descriptor_of_a_new_object();
    mode_and_umask();
    existing_object();
    return 0;
}
