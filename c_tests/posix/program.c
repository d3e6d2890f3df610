/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An object that holds a program: fexecve, and what ETXTBSY protects while it runs. */
#include "objects.h"

#include <sys/sendfile.h>
#include <sys/statvfs.h>

static char *const run_waiting[] = {"program", "wait", NULL};

/* In the object: says that it runs, then waits until the other end of its standard input is closed. */
static int waiting(void)
{
    char byte;
    CHECK_EQ(write(STDOUT_FILENO, "r", 1), 1);
    return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

static void copy_self_to(int object)
{
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK_OK(self);
    off_t left = object_status(self).st_size;
    while (left > 0) {
        ssize_t sent = sendfile(object, self, NULL, (size_t)left);
        CHECK(sent > 0);
        left -= sent;
    }
    CHECK_OK(close(self));
}

static void check_exec_fails(int file, int reason)
{
    extern char **environ;
    CHECK_ERRNO(fexecve(file, run_waiting, environ), reason);
}

static void run(int file, const int *hold, const int *ready)
{
    extern char **environ;
    CHECK_OK(dup2(hold[0], STDIN_FILENO));
    CHECK_OK(dup2(ready[1], STDOUT_FILENO));
    fexecve(file, run_waiting, environ);
    FAIL("fexecve: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc == 2)
        return waiting();
    const char *name = unique_name();
    int writer = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0700);
    struct statvfs where;
    CHECK_OK(fstatvfs(writer, &where));
    if (where.f_flag & ST_NOEXEC)
        SKIP("the file system of the objects is mounted noexec");
    copy_self_to(writer);
    int file = shm_open(name, O_RDONLY, 0);
    CHECK_OK(file);
    check_exec_fails(file, ETXTBSY);
    CHECK_OK(close(writer));
    CHECK_OK(fchmod(file, 0600));
    check_exec_fails(file, EACCES);
    CHECK_OK(fchmod(file, 0700));

    int hold[2], ready[2];
    char byte;
    CHECK_OK(pipe2(hold, O_CLOEXEC));
    CHECK_OK(pipe2(ready, O_CLOEXEC));
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0)
        run(file, hold, ready);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_ERRNO(shm_open(name, O_RDWR, 0), ETXTBSY);
    CHECK_ERRNO(shm_open(name, O_WRONLY, 0), ETXTBSY);
    CHECK_ERRNO(shm_open(name, O_RDONLY | O_TRUNC, 0), ETXTBSY);
    CHECK_OK(shm_unlink(name));
    CHECK_OK(close(hold[1]));
    EXPECT_EXIT(child, 0);
    return 0;
}
