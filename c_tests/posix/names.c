/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which names shm_open and shm_unlink take, and the errno for those that they refuse. */
#include "objects.h"

enum { CREATE = O_CREAT | O_RDWR };

static void check_ordinary(const char *name)
{
    int file = shm_open(name, CREATE | O_EXCL, 0600);
    if (file == -1)
        FAIL("shm_open(\"%s\"): %s", name, strerror(errno));
    CHECK_EQ(access(object_path(name), F_OK), 0);
    CHECK_OK(close(file));
    CHECK_OK(shm_unlink(name));
    CHECK_EQ(access(object_path(name), F_OK), -1);
}

static void check_refused(const char *name, int open_errno, int unlink_errno)
{
    int file = shm_open(name, CREATE, 0600);
    if (file != -1 || errno != open_errno)
        FAIL("shm_open(\"%.20s\", %zu bytes): %d, errno %d, expected %d", name, strlen(name), file, errno, open_errno);
    int result = shm_unlink(name);
    if (result != -1 || errno != unlink_errno)
        FAIL("shm_unlink(\"%.20s\", %zu bytes): %d, errno %d, expected %d", name, strlen(name), result, errno,
             unlink_errno);
}

static void leading_slashes(void)
{
    const char *name = unique_name();
    char more[80];
    snprintf(more, sizeof more, "///%s", name);
    CHECK_OK(close(new_object(name, 3)));
    const char *same[] = {name, name + 1, more};
    for (int i = 0; i < 3; i++) {
        int file = shm_open(same[i], O_RDONLY, 0);
        CHECK_OK(file);
        CHECK_EQ(object_status(file).st_size, 3);
        CHECK_OK(close(file));
    }
    CHECK_OK(shm_unlink(more));
    CHECK_ERRNO(shm_open(name, O_RDONLY, 0), ENOENT);
}

static void lengths(void)
{
    char name[400];
    for (int length = 250; length <= 255; length++) {
        memset(name, 'n', sizeof name);
        snprintf(name, 40, "/long-%d-", harness_main_pid);
        name[strlen(name)] = 'n';
        name[length + 1] = '\0';
        check_ordinary(name);
    }
    for (int length = 256; length <= 300; length++) {
        memset(name, 'n', sizeof name);
        name[0] = '/';
        name[length + 1] = '\0';
        if (length < 260)
            check_refused(name, ENAMETOOLONG, ENAMETOOLONG);
        else
            check_refused(name, EINVAL, ENOENT);
        /* The slashes do not count. */
        check_refused(name + 1, length < 260 ? ENAMETOOLONG : EINVAL, length < 260 ? ENAMETOOLONG : ENOENT);
    }
}

static void odd_but_ordinary(void)
{
    static const char *const formats[] = {"/...%d", "/.hidden%d", "/with blanks %d ", "/new\nline%d", "/\xff\x80\xfe%d",
                                          "/sem.%d", "/\xc3\xa9t\xc3\xa9%d", "/\\%d", "/*%d", "bare%d"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char name[64];
        snprintf(name, sizeof name, formats[i], harness_main_pid);
        check_ordinary(name);
    }
    check_ordinary("/...");
}

static void the_directory_itself(void)
{
    CHECK_ERRNO(shm_open("/.", CREATE, 0600), EINVAL);
    CHECK_ERRNO(shm_open("/..", CREATE, 0600), EINVAL);
    CHECK_ERRNO(shm_unlink("/."), EISDIR);
    CHECK_ERRNO(shm_unlink("/.."), EISDIR);
    static const char *const directories[] = {"/.", "/..", ".", ".."};
    for (int i = 0; i < 4; i++) {
        int file = shm_open(directories[i], O_RDONLY, 0);
        CHECK_OK(file);
        CHECK(S_ISDIR(object_status(file).st_mode));
        CHECK_OK(close(file));
    }
    int unnamed = shm_open("/.", O_RDWR | O_TMPFILE, 0600);
    CHECK_OK(unnamed);
    CHECK(S_ISREG(object_status(unnamed).st_mode));
    CHECK_EQ(object_status(unnamed).st_nlink, 0);
    CHECK_OK(close(unnamed));
}

int main(void)
{
    make_object_directory();
    leading_slashes();
    check_refused("", EINVAL, ENOENT);
    check_refused("/", EINVAL, ENOENT);
    check_refused("//", EINVAL, ENOENT);
    check_refused("/a/", EINVAL, ENOENT);
    check_refused("a/", EINVAL, ENOENT);
    check_refused("/a/b", EINVAL, ENOENT);
    check_refused("/../a", EINVAL, ENOENT);
    lengths();
    odd_but_ordinary();
    the_directory_itself();
    return 0;
}
