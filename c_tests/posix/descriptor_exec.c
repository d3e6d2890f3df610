/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A descriptor of an object is closed by exec, unless FD_CLOEXEC is taken off. */
#include "objects.h"

static void exec_self(const char *first, const char *second)
{
    execl("/proc/self/exe", "descriptor_exec", first, second, (char *)NULL);
    FAIL("exec: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        CHECK_ERRNO(fcntl(atoi(argv[1]), F_GETFD), EBADF);
        CHECK_EQ(object_status(atoi(argv[2])).st_size, 77);
        return 0;
    }
    char closed[16], kept[16];
    int file = new_object(unique_name(), 77);
    int survivor = dup(file); /* Without the flag. */
    CHECK_OK(survivor);
    snprintf(closed, sizeof closed, "%d", file);
    snprintf(kept, sizeof kept, "%d", survivor);
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0)
        exec_self(closed, kept);
    EXPECT_EXIT(child, 0);
    CHECK_OK(fcntl(file, F_SETFD, 0));
    CHECK_OK(fcntl(survivor, F_SETFD, FD_CLOEXEC));
    child = fork();
    CHECK_OK(child);
    if (child == 0)
        exec_self(kept, closed);
    EXPECT_EXIT(child, 0);
    return 0;
}
