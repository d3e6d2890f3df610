/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What every traced program needs: it writes down what it did, one line a call, `pid tid call result errno`, into the
 * file that TRUTH names, by raw system calls that the recorder does not see. The test compares that with the records.
 */
#ifndef TRUTH_H
#define TRUTH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Left in errno before every call: a call that succeeds must leave it there. */
#define UNTOUCHED 4711

/* Appends one line. */
__attribute__((unused)) static void truth_with(const char *call, long result, int error)
{
    int before = errno;
    char line[128];
    int len = snprintf(line, sizeof line, "%ld %ld %s %ld %d\n", syscall(SYS_getpid), syscall(SYS_gettid), call, result,
                       error);
    long fd = syscall(SYS_openat, AT_FDCWD, getenv("TRUTH"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || syscall(SYS_write, fd, line, len) != len)
        abort();
    syscall(SYS_close, fd);
    errno = before;
}

/* Appends one line, with errno if the call failed. */
__attribute__((unused)) static void truth(const char *call, long result)
{
    truth_with(call, result, result == -1 ? errno : 0);
}

/* Makes a call, writes down what it returned and checks that success left errno alone. */
#define DID(call, expression)                                                                                          \
    ({                                                                                                                 \
        errno = UNTOUCHED;                                                                                             \
        __auto_type result_ = (expression);                                                                            \
        if ((long)result_ != -1 && errno != UNTOUCHED) {                                                               \
            fprintf(stderr, "%s:%d: %s changed errno to %d\n", __FILE__, __LINE__, #expression, errno);                \
            exit(1);                                                                                                   \
        }                                                                                                              \
        truth(call, (long)result_);                                                                                    \
        result_;                                                                                                       \
    })

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                          \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A name of this process alone. */
__attribute__((unused)) static const char *own_name(char *buf, size_t size, const char *prefix)
{
    snprintf(buf, size, "%s-trace-%d", prefix, (int)getpid());
    return buf;
}

/* Waits for a child; its exit status. */
__attribute__((unused)) static int status_of(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif
