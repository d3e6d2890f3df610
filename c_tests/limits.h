/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs a test's body in a namespace of its own, fresh and with the limits given. On the kernel that is an IPC
 * namespace and its sysctls; on partage a directory and the environment variables that are read when it is created.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include "harness.h"

/* NULL leaves the default. Decimal numbers. */
struct limits {
    const char *shmmax, *shmall, *shmmni, *rmid_forced;
};

/* The kernel's limits belong to the IPC namespace of whoever opens the file. Returns whether it took the value. */
static inline bool write_sysctl(const char *name, const char *value)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file == -1)
        return false;
    bool taken = write(file, value, strlen(value)) == (ssize_t)strlen(value);
    int reason = errno;
    close(file);
    errno = reason;
    return taken;
}

__attribute__((noreturn)) static inline void limits_on_kernel(const struct limits *limits, void (*body)(void))
{
    if (unshare(CLONE_NEWIPC) == -1)
        SKIP("no IPC namespace of its own: %s", strerror(errno));
    harness_private_namespace = true;
    CHECK(limits->shmmax == NULL || write_sysctl("shmmax", limits->shmmax));
    CHECK(limits->shmall == NULL || write_sysctl("shmall", limits->shmall));
    CHECK(limits->shmmni == NULL || write_sysctl("shmmni", limits->shmmni));
    CHECK(limits->rmid_forced == NULL || write_sysctl("shm_rmid_forced", limits->rmid_forced));
    body();
    fflush(NULL);
    _exit(PASSED);
}

static inline void limits_variable(const char *name, const char *value)
{
    CHECK_OK(value != NULL ? setenv(name, value, 1) : unsetenv(name));
}

/* Starts this program anew, by exec, with the body in place of main. */
__attribute__((noreturn)) static inline void run_anew(void (*body)(void))
{
    char distance[32]; /* From harness_start to the body: the same wherever the program is loaded. */
    snprintf(distance, sizeof distance, "%lld", (long long)((intptr_t)body - (intptr_t)&harness_start));
    limits_variable("PARTAGE_TEST_BODY", distance);
    execl("/proc/self/exe", program_invocation_name, (char *)NULL);
    FAIL("exec of the test itself: %s", strerror(errno));
}

/* The library may have read its environment already: only a new program is sure to see the new one. */
__attribute__((noreturn)) static inline void limits_on_partage(const struct limits *limits, void (*body)(void))
{
    limits_variable("PARTAGE_DIR", new_directory());
    limits_variable("PARTAGE_SHMMAX", limits->shmmax);
    limits_variable("PARTAGE_SHMALL", limits->shmall);
    limits_variable("PARTAGE_SHMMNI", limits->shmmni);
    limits_variable("PARTAGE_RMID_FORCED", limits->rmid_forced);
    run_anew(body);
}

/* Runs the body in a child with a fresh namespace; fails or skips as the body does. */
static inline void with_limits(struct limits limits, void (*body)(void))
{
    fflush(NULL);
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        if (on_kernel())
            limits_on_kernel(&limits, body);
        limits_on_partage(&limits, body);
    }
    EXPECT_EXIT(child, PASSED);
}

#endif
