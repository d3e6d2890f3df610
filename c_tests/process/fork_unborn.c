/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child that had no descriptor, stopped before its first instruction: it counts while it lives, also if its user may not
 * look into it, and no longer once it was killed there, whatever else of that user's may not be looked into.
 */
#include "birth.h"
#include "reach.h"
#include "users.h"

/* A user that nobody else becomes: other processes of hers may not be looked into either, and begin later. */
static uid_t carol;

static int id;
static struct channel end;

static void nothing(void *argument)
{
    (void)argument;
}

/* From then on only root may look into this process. */
static void be_carol(void)
{
    become_user(carol, CREW);
}

/* The kernel tells in hundredths of a second when a process began. */
static long hundredths(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (long)now.tv_sec * 100 + now.tv_nsec / 10000000;
}

static void older(void *argument)
{
    (void)argument;
    be_carol();
    put_number(ready, 0);
    get_number(end);
}

static void forking(void *argument)
{
    (void)argument;
    be_carol();
    ATTACH(id, NULL, 0);
    lower_limit(RLIMIT_NOFILE, 0);
    put_number(ready, 0);
    get_number(go);
    start_child(nothing, NULL);
    put_number(ready, 0);
    get_number(go);
}

static void killed(pid_t process)
{
    int status;
    CHECK_OK(kill(process, SIGKILL));
    do
        CHECK_EQ(waitpid(process, &status, __WALL), process);
    while (WIFSTOPPED(status));
    CHECK(WIFSIGNALED(status));
}

static void sees(void *count)
{
    be_carol();
    CHECK_EQ(NATTCH(id), (long)count);
}

static void outlives_its_parent(void)
{
    pid_t parent = start_child(forking, NULL), child = stopped_at_birth(parent);
    RUN_CHILD(sees, (void *)2L);
    killed(parent);
    RUN_CHILD(sees, (void *)1L);
    killed(child);
    RUN_CHILD(sees, NULL);
}

static void is_outlived(void)
{
    pid_t parent = start_child(forking, NULL), child = stopped_at_birth(parent);
    CHECK_OK(ptrace(PTRACE_DETACH, parent, NULL, 0));
    CHECK_EQ(get_number(ready), 0);
    RUN_CHILD(sees, (void *)2L);
    killed(child);
    RUN_CHILD(sees, (void *)1L);
    put_number(go, 0);
    EXPECT_EXIT(parent, PASSED);
    RUN_CHILD(sees, NULL);
}

int main(void)
{
    share_namespace();
    carol = 1000000 + (uid_t)getpid();
    ready = new_channel();
    go = new_channel();
    end = new_channel();
    id = NEW_SEGMENT(100, 0666);
    pid_t bystander = start_child(older, NULL);
    CHECK_EQ(get_number(ready), 0);
    for (long begun = hundredths(); hundredths() < begun + 2;)
        sched_yield();
    outlives_its_parent();
    is_outlived();
    put_number(end, 0);
    EXPECT_EXIT(bystander, PASSED);
    return 0;
}
