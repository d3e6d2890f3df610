/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What shm_open answers when there is no object, or something else in its place. */
#include "objects.h"

static void missing(void)
{
    CHECK_ERRNO(shm_open(unique_name(), O_RDWR, 0600), ENOENT);
    CHECK_ERRNO(shm_open(unique_name(), O_RDONLY, 0), ENOENT);
    CHECK_ERRNO(shm_open(unique_name(), O_RDWR | O_EXCL, 0600), ENOENT);
    CHECK_ERRNO(shm_open(unique_name(), O_RDWR | O_TRUNC, 0600), ENOENT);
}

static void symbolic_link(void)
{
    const char *name = unique_name(), *target = unique_name();
    CHECK_OK(close(new_object(target, 10)));
    CHECK_OK(symlink(object_path(target), object_path(name)));
    CHECK_ERRNO(shm_open(name, O_RDWR, 0), ELOOP);
    CHECK_ERRNO(shm_open(name, O_RDONLY, 0), ELOOP);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_RDWR, 0600), ELOOP);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_OK(shm_unlink(name)); /* The link, not what it leads to. */
    CHECK_EQ(access(object_path(target), F_OK), 0);
    CHECK_ERRNO(shm_unlink(name), ENOENT);
}

static void directory(void)
{
    const char *name = unique_name();
    CHECK_OK(mkdir(object_path(name), 0700));
    CHECK_ERRNO(shm_open(name, O_RDWR, 0), EINVAL);
    CHECK_ERRNO(shm_open(name, O_WRONLY, 0), EINVAL);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_RDWR, 0600), EINVAL);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_RDONLY, 0600), EINVAL);
    CHECK_ERRNO(shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    int file = shm_open(name, O_RDONLY, 0);
    CHECK_OK(file);
    CHECK(S_ISDIR(object_status(file).st_mode));
    CHECK_OK(close(file));
    CHECK_ERRNO(shm_unlink(name), EISDIR);
    CHECK_OK(rmdir(object_path(name)));
}

static void open_the_other_end(void *path)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_OK(file);
    CHECK_EQ(write(file, "f", 1), 1);
}

static void fifo(void)
{
    const char *name = unique_name();
    CHECK_OK(mkfifo(object_path(name), 0600));
    CHECK_ERRNO(shm_open(name, O_WRONLY | O_NONBLOCK, 0), ENXIO);
    pid_t child = start_child(open_the_other_end, (void *)object_path(name));
    int file = shm_open(name, O_RDONLY, 0); /* Waits for the writer. */
    CHECK_OK(file);
    CHECK_EQ(fcntl(file, F_GETFL) & O_NONBLOCK, 0);
    char byte;
    CHECK_EQ(read(file, &byte, 1), 1);
    EXPECT_EXIT(child, 0);
    CHECK_OK(close(file));
    CHECK_OK(shm_unlink(name));
}

int main(void)
{
    make_object_directory();
    missing();
    symbolic_link();
    directory();
    fifo();
    return 0;
}
