/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The flags of shm_open beyond creating: access modes, truncation, and those passed on to the kernel as they are. */
#include "objects.h"

static const char *name;

static int open_with(int flags)
{
    int file = shm_open(name, flags, 0600);
    if (file == -1)
        FAIL("shm_open with flags 0%o: %s", (unsigned)flags, strerror(errno));
    return file;
}

static void access_modes(void)
{
    char byte;
    int file = open_with(O_WRONLY);
    CHECK_EQ(fcntl(file, F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(write(file, "w", 1), 1);
    CHECK_ERRNO(read(file, &byte, 1), EBADF);
    CHECK_OK(close(file));
    file = open_with(O_RDONLY);
    CHECK_EQ(read(file, &byte, 1), 1);
    CHECK_EQ(byte, 'w');
    CHECK_ERRNO(write(file, "w", 1), EBADF);
    CHECK_OK(close(file));
    file = open_with(O_ACCMODE); /* Neither readable nor writable. */
    CHECK_EQ(fcntl(file, F_GETFL) & O_ACCMODE, O_ACCMODE);
    CHECK_ERRNO(read(file, &byte, 1), EBADF);
    CHECK_ERRNO(write(file, "w", 1), EBADF);
    CHECK_OK(close(file));
}

static void passed_on(void)
{
    static const int flags[] = {O_APPEND, O_SYNC, O_NONBLOCK, O_NOATIME, O_CLOEXEC, 0x40000000};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        int file = open_with(O_RDWR | flags[i]);
        int visible = flags[i] & (O_APPEND | O_SYNC | O_NONBLOCK | O_NOATIME);
        CHECK_EQ(fcntl(file, F_GETFL) & visible, visible);
        CHECK_EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
        CHECK_OK(close(file));
    }
    int place = open_with(O_PATH);
    CHECK_EQ(object_status(place).st_size, 100);
    CHECK_ERRNO(ftruncate(place, 5), EBADF);
    CHECK_OK(close(place));
    CHECK_ERRNO(shm_open(name, O_RDONLY | O_DIRECTORY, 0), ENOTDIR);
    CHECK_ERRNO(shm_open(name, O_RDWR | O_TMPFILE, 0600), ENOTDIR);
    /* O_DIRECT on tmpfs came with Linux 6.6. */
    int direct = shm_open(name, O_RDWR | O_DIRECT, 0);
    if (direct == -1)
        CHECK_EQ(errno, EINVAL);
    else
        CHECK_OK(close(direct));
}

static void truncation(void)
{
    int file = open_with(O_RDWR | O_TRUNC);
    CHECK_EQ(object_status(file).st_size, 0);
    CHECK_OK(ftruncate(file, 50));
    CHECK_OK(close(open_with(O_RDONLY | O_TRUNC)));
    CHECK_EQ(object_status(file).st_size, 0);
    CHECK_OK(ftruncate(file, 50));
    CHECK_OK(close(open_with(O_RDWR | O_CREAT | O_TRUNC)));
    CHECK_EQ(object_status(file).st_size, 0);
    CHECK_OK(close(file));
}

int main(void)
{
    name = unique_name();
    CHECK_OK(close(new_object(name, 100)));
    access_modes();
    passed_on();
    truncation();
    return 0;
}
