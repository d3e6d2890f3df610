/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What every C test needs. One test is one program: it includes this header, has a main, and returns 0.
 * A failed check prints where and why and ends the program with status 1; SKIP ends it with status 77.
 *
 * Before main, the program forks: the parent (the supervisor) waits for the child that runs main, for at most
 * TEST_TIMEOUT seconds, and then removes whatever keys, segments, names and directories the test made, however the
 * test ended. So a test that crashes or hangs leaves nothing behind, and no wait in a test needs a bound of its own.
 *
 * PARTAGE_TEST_MODE says whose calls the program runs on: kernel (the default), cdylib, static, preload or nosysv.
 */
#ifndef HARNESS_H
#define HARNESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef TEST_TIMEOUT /* Seconds until the supervisor kills the test; a test may define more before the include. */
#define TEST_TIMEOUT 30
#endif

#ifdef __BIONIC__ /* Has no POSIX shared memory: the names are the library's. */
int shm_open(const char *name, int flags, mode_t mode);
int shm_unlink(const char *name);
#define program_invocation_short_name getprogname()
#define program_invocation_name "/proc/self/exe"
#define shminfo shminfo64 /* What the kernel fills; its namesake in the headers is an older one. */
#ifndef SHM_DEST
#define SHM_DEST 01000
#define SHM_LOCKED 02000
#endif
#endif

#ifndef __GLIBC__ /* Neither musl nor bionic has these. */
static inline int close_range(unsigned first, unsigned last, int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}

static inline void closefrom(int first)
{
    close_range((unsigned)first, ~0U, 0);
}
#endif

enum { PASSED = 0, FAILED = 1, SKIPPED = 77 };

/* ---- Checks ---------------------------------------------------------------------------------------------------- */

/* Children leave by _exit, so that neither buffers nor exit handlers of the parent run twice. */
static pid_t harness_main_pid;

__attribute__((noreturn)) static inline void harness_leave(int status)
{
    fflush(NULL);
    if (getpid() == harness_main_pid)
        exit(status);
    _exit(status);
}

__attribute__((noreturn, format(printf, 3, 4))) static inline void harness_fail(const char *file, int line,
                                                                               const char *format, ...)
{
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    harness_leave(FAILED);
}

#define FAIL(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

#define SKIP(...)                                                                                                      \
    do {                                                                                                               \
        printf("skipped: " __VA_ARGS__);                                                                               \
        printf("\n");                                                                                                  \
        harness_leave(SKIPPED);                                                                                        \
    } while (0)

#define CHECK(expression)                                                                                              \
    do {                                                                                                               \
        if (!(expression))                                                                                             \
            FAIL("%s is false (errno %d, %s)", #expression, errno, strerror(errno));                                   \
    } while (0)

/* Compares two numbers (pointers: CHECK(a == b)). */
#define CHECK_EQ(got, expected)                                                                                        \
    do {                                                                                                               \
        long long harness_got = (long long)(got), harness_expected = (long long)(expected);                            \
        if (harness_got != harness_expected)                                                                           \
            FAIL("%s: got %lld (0%llo), expected %lld (0%llo)", #got, harness_got, (unsigned long long)harness_got,    \
                 harness_expected, (unsigned long long)harness_expected);                                              \
    } while (0)

/* The call must not return -1. */
#define CHECK_OK(call)                                                                                                 \
    do {                                                                                                               \
        if ((long)(call) == -1)                                                                                        \
            FAIL("%s: failed with errno %d (%s)", #call, errno, strerror(errno));                                      \
    } while (0)

/* The call must return -1 and set errno to the expected value. */
#define CHECK_ERRNO(call, expected)                                                                                    \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long harness_result = (long)(call);                                                                            \
        int harness_errno = errno;                                                                                     \
        if (harness_result != -1)                                                                                      \
            FAIL("%s: returned %ld, expected -1 with %s", #call, harness_result, #expected);                           \
        if (harness_errno != (expected))                                                                               \
            FAIL("%s: got errno %d (%s), expected %s", #call, harness_errno, strerror(harness_errno), #expected);      \
    } while (0)

/* Whether the calls under test are the kernel's own. Ask only where a difference is deliberate, and say why there. */
static inline bool on_kernel(void)
{
    const char *mode = getenv("PARTAGE_TEST_MODE");
    return mode == NULL || strcmp(mode, "kernel") == 0;
}

/* ---- What a test makes, for the supervisor to remove ------------------------------------------------------------ */

struct harness_made {
    atomic_int keys, ids, names, directories;
    int pid; /* Whose process id makes keys and names unique. */
    int id[4096];
    char name[256][64];
    char directory[64][64];
};
static struct harness_made *harness_made;
static bool harness_private_namespace; /* Set where the segments go away with their IPC namespace. */

/* A key that nobody else uses, never 0; the segment it names is removed at the end of the test. */
static inline key_t unique_key(void)
{
    int serial = atomic_fetch_add(&harness_made->keys, 1) + 1;
    if (serial >= 512)
        FAIL("unique_key: more than 511 keys");
    return (key_t)((harness_made->pid & 0x3fffff) << 9 | serial);
}

/* A POSIX name that nobody else uses; the object is removed at the end of the test. Valid until the program ends. */
static inline const char *unique_name(void)
{
    int serial = atomic_fetch_add(&harness_made->names, 1);
    if (serial >= 256)
        FAIL("unique_name: more than 256 names");
    snprintf(harness_made->name[serial], sizeof harness_made->name[serial], "/partage-test-%d-%d", harness_made->pid,
             serial);
    return harness_made->name[serial];
}

/* Has a segment removed at the end of the test; needed only for IPC_PRIVATE segments. Returns the id. */
static inline int removed_at_end(int id)
{
    if (id >= 0 && !harness_private_namespace) {
        int place = atomic_fetch_add(&harness_made->ids, 1);
        if (place < 4096)
            harness_made->id[place] = id;
    }
    return id;
}

/* Removes a directory of plain files and of directories of plain files. */
static inline void harness_remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char inner[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) == -1 && errno == EISDIR)
            harness_remove_directory(inner);
    }
    closedir(directory);
    rmdir(path);
}

/* An empty directory that every user may use, on shared memory where there is some; removed at the end of the test. */
static inline const char *new_directory(void)
{
    int serial = atomic_fetch_add(&harness_made->directories, 1);
    if (serial >= 64)
        FAIL("new_directory: more than 64 directories");
    char *path = harness_made->directory[serial];
    const char *parent = access("/dev/shm", F_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    int length = snprintf(path, sizeof harness_made->directory[serial], "%s/partage-test-XXXXXX", parent);
    CHECK((size_t)length < sizeof harness_made->directory[serial]);
    CHECK(mkdtemp(path) != NULL);
    CHECK_OK(chmod(path, 01777));
    return path;
}

static inline void harness_clean_up(void)
{
    for (int i = 0; i < harness_made->ids && i < 4096; i++)
        shmctl(harness_made->id[i], IPC_RMID, NULL);
    for (int serial = 1; serial <= harness_made->keys && serial < 512; serial++) {
        int id = shmget((key_t)((harness_made->pid & 0x3fffff) << 9 | serial), 0, 0);
        if (id != -1)
            shmctl(id, IPC_RMID, NULL);
    }
    for (int i = 0; i < harness_made->names && i < 256; i++)
        shm_unlink(harness_made->name[i]);
    for (int i = 0; i < harness_made->directories && i < 64; i++)
        harness_remove_directory(harness_made->directory[i]);
}

/* ---- Start and supervision -------------------------------------------------------------------------------------- */

/* Whether the test ends in that time; it is still to be waited for. */
static inline bool harness_ends(pid_t test, int seconds)
{
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, test, 0), .events = POLLIN};
    int ready;
    if (ended.fd != -1) {
        do
            ready = poll(&ended, 1, seconds * 1000);
        while (ready == -1 && errno == EINTR);
        return ready != 0;
    }
    /* Valgrind does not know the call above. */
    for (int i = 0; i < seconds * 100; i++) {
        siginfo_t state = {.si_pid = 0};
        if (waitid(P_PID, (id_t)test, &state, WEXITED | WNOHANG | WNOWAIT) == -1 || state.si_pid == test)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

/* Waits for the test, cleans up after it and ends with its status. */
__attribute__((noreturn)) static inline void harness_supervise(pid_t test)
{
    const char *longer = getenv("PARTAGE_TEST_TIMEOUT"); /* For slow machines and instrumented builds. */
    int seconds = longer != NULL && atoi(longer) > 0 ? atoi(longer) : TEST_TIMEOUT;
    bool ready = harness_ends(test, seconds);
    int status = 0;
    if (!ready)
        fprintf(stderr, "%s: not finished after %d s, killed\n", program_invocation_short_name, seconds);
    else
        waitpid(test, &status, 0);
    kill(-test, SIGKILL);
    while (waitpid(-1, ready ? NULL : &status, 0) > 0) /* Its children too: they are ours as the subreaper. */
        continue;
    harness_clean_up();
    if (ready && WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    if (ready)
        fprintf(stderr, "%s: killed by signal %d (%s)\n", program_invocation_short_name, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    _exit(FAILED);
}

/*
 * Runs before main. A program that a test starts by exec finds PARTAGE_TEST_SUPERVISED and is not supervised again:
 * it must keep its process id. Set the variable by hand to run a test under a debugger.
 */
__attribute__((constructor)) static void harness_start(void)
{
    bool supervised = getenv("PARTAGE_TEST_SUPERVISED") != NULL;
    harness_made = mmap(NULL, sizeof *harness_made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (harness_made == MAP_FAILED)
        _exit(FAILED);
    harness_made->pid = getpid();
    harness_main_pid = getpid();
    if (supervised) {
        harness_made->keys = 255; /* A program that has called exec must not repeat the keys it had before. */
        harness_made->names = 128;
    } else {
        setenv("PARTAGE_TEST_SUPERVISED", "1", 1);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        pid_t test = fork();
        if (test == -1)
            _exit(FAILED);
        if (test != 0) {
            setpgid(test, test);
            harness_supervise(test);
        }
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        harness_main_pid = getpid();
    }
    const char *body = getenv("PARTAGE_TEST_BODY"); /* See with_limits, in limits.h. */
    if (body != NULL) {
        unsetenv("PARTAGE_TEST_BODY");
        ((void (*)(void))((intptr_t)&harness_start + (intptr_t)strtoll(body, NULL, 10)))();
        harness_leave(PASSED);
    }
}

/* ---- Children --------------------------------------------------------------------------------------------------- */

/* Forks a child that runs the body and then leaves with status 0; a failed check in it gives status 1. */
static inline pid_t start_child(void (*body)(void *), void *argument)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == -1)
        FAIL("fork: %s", strerror(errno));
    if (child == 0) {
        body(argument);
        fflush(NULL);
        _exit(PASSED);
    }
    return child;
}

/* Waits for a child and returns its wait status. The supervisor bounds the wait. */
static inline int status_of(pid_t child)
{
    int status;
    pid_t waited;
    do
        waited = waitpid(child, &status, 0);
    while (waited == -1 && errno == EINTR);
    if (waited != child)
        FAIL("waitpid(%d): %s", (int)child, strerror(errno));
    return status;
}

#define EXPECT_EXIT(child, code)                                                                                       \
    do {                                                                                                               \
        int harness_status = status_of(child);                                                                         \
        if (WIFEXITED(harness_status) && WEXITSTATUS(harness_status) == SKIPPED)                                       \
            harness_leave(SKIPPED);                                                                                    \
        if (!WIFEXITED(harness_status) || WEXITSTATUS(harness_status) != (code))                                       \
            FAIL("child: wait status 0x%x, expected exit with %d", (unsigned)harness_status, (code));                  \
    } while (0)

#define EXPECT_SIGNAL(child, number)                                                                                   \
    do {                                                                                                               \
        int harness_status = status_of(child);                                                                         \
        if (!WIFSIGNALED(harness_status) || WTERMSIG(harness_status) != (number))                                      \
            FAIL("child: wait status 0x%x, expected signal %d", (unsigned)harness_status, (number));                   \
    } while (0)

/* Runs the body in a child and waits for it; the child must end with status 0. */
#define RUN_CHILD(body, argument) EXPECT_EXIT(start_child((body), (argument)), PASSED)

/* The same with several children at once; the argument is the child's number, from 0. */
#define RUN_CHILDREN(count, body)                                                                                      \
    do {                                                                                                               \
        pid_t harness_children[count];                                                                                 \
        for (long harness_child = 0; harness_child < (count); harness_child++)                                         \
            harness_children[harness_child] = start_child((body), (void *)harness_child);                              \
        for (long harness_child = 0; harness_child < (count); harness_child++)                                         \
            EXPECT_EXIT(harness_children[harness_child], PASSED);                                                      \
    } while (0)

/* Makes this process an ordinary user: no capability, no supplementary group. */
static inline void become_user(uid_t uid, gid_t gid)
{
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(gid, gid, gid));
    CHECK_OK(setresuid(uid, uid, uid));
}

/* For tests that need root to become other users or to make namespaces. */
static inline void need_root(void)
{
    if (geteuid() != 0)
        SKIP("needs root");
}

#include "ordering.h"

#endif
