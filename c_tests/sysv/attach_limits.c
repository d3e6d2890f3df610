/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmat against the limits on a process's address space. Each in a child, as they do not go away. */
#include "users.h"

enum { KIB = 1024, MIB = 1024 * KIB };
#define GIB ((size_t)1024 * MIB)

struct segments {
    int small, large; /* 64 KiB and 2 GiB */
};

static void limit(int resource, rlim_t value)
{
    struct rlimit limit;
    CHECK_OK(getrlimit(resource, &limit));
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    CHECK_OK(setrlimit(resource, &limit));
}

static void check_refused(const struct segments *segments, int expected)
{
    CHECK_ERRNO(shmat(segments->large, NULL, 0), expected);
    CHECK_ERRNO(shmat(segments->large, NULL, SHM_RDONLY), expected);
    char *memory = ATTACH(segments->small, NULL, 0);
    memory[0] = 1;
    CHECK_EQ(NATTCH(segments->small), 1);
    CHECK_EQ(NATTCH(segments->large), 0);
    CHECK_EQ(FIELDS(segments->large).shm_lpid, 0);
    CHECK_OK(shmdt(memory));
}

static void address_space(void *segments)
{
    limit(RLIMIT_AS, GIB);
    check_refused(segments, ENOMEM);
}

/* Memory that is locked as soon as it is mapped counts against RLIMIT_MEMLOCK, but for CAP_IPC_LOCK. */
static void locked_memory(void *segments)
{
    become_user(1001, 1001);
    limit(RLIMIT_MEMLOCK, 32 * MIB);
    if (mlockall(MCL_FUTURE) == -1)
        SKIP("mlockall: %s", strerror(errno));
    check_refused(segments, EAGAIN);
}

static void data_does_not_count(void *argument)
{
    struct segments *segments = argument;
    limit(RLIMIT_DATA, MIB);
    char *memory = ATTACH(segments->large, NULL, 0);
    memory[GIB] = 1;
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    if (geteuid() == 0)
        share_namespace();
    struct segments segments = {
        .small = NEW_SEGMENT(64 * KIB, 0666),
        .large = NEW_SEGMENT(2 * GIB, SHM_NORESERVE | 0666),
    };
    RUN_CHILD(address_space, &segments);
    if (geteuid() == 0)
        RUN_CHILD(locked_memory, &segments);
    RUN_CHILD(data_does_not_count, &segments);
    return 0;
}
