/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* However a process ends, its attachments end with it, before its parent has waited for it. */
#include "harness.h"

static int id;

static void attach_twice_more(void)
{
    ATTACH(id, NULL, 0);
    ATTACH(id, NULL, SHM_RDONLY);
    CHECK_EQ(NATTCH(id), 4);
}

static void by_exit(void *nothing)
{
    (void)nothing;
    attach_twice_more();
    exit(0);
}

static void by_immediate_exit(void *nothing)
{
    (void)nothing;
    attach_twice_more();
    _exit(0);
}

static void by_bare_exit(void *nothing)
{
    (void)nothing;
    attach_twice_more();
    syscall(SYS_exit_group, 0);
}

static void by_signal(void *number)
{
    attach_twice_more();
    raise((int)(long)number);
    _exit(3);
}

/* The child is dead and not yet waited for when its attachments must be gone. */
static void check_ends(void (*body)(void *), void *argument)
{
    next_second();
    time_t from = seconds_now();
    pid_t child = start_child(body, argument);
    siginfo_t ended;
    CHECK_OK(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT));
    struct shmid_ds fields = FIELDS(id);
    CHECK_EQ(fields.shm_nattch, 1);
    CHECK_EQ(fields.shm_lpid, child);
    CHECK_STAMPED(fields.shm_dtime, from);
    int status = status_of(child);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    CHECK_EQ(NATTCH(id), 1);
}

int main(void)
{
    CHECK_OK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
    id = NEW_SEGMENT(100, 0600);
    ATTACH(id, NULL, 0);
    check_ends(by_exit, NULL);
    check_ends(by_immediate_exit, NULL);
    check_ends(by_bare_exit, NULL);
    check_ends(by_signal, (void *)SIGKILL);
    check_ends(by_signal, (void *)SIGTERM);
    check_ends(by_signal, (void *)SIGSEGV);
    return 0;
}
