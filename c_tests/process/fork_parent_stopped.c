/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child that ends, or is killed, while its parent is stopped in the middle of fork: the child's attachments are gone, and
 * the parent's stay.
 */
#include "harness.h"

#include <poll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static int id;
static struct channel ready, go, killed;

static void grandchild(void *dies)
{
    CHECK_EQ(NATTCH(id), 2);
    put_number(ready, 1);
    if (dies != NULL)
        get_number(killed);
}

/* Forks under the eyes of its own parent, who stops it there. */
static void forking(void *dies)
{
    char *memory = ATTACH(id, NULL, 0);
    put_number(ready, 0);
    get_number(go);
    int status = status_of(start_child(grandchild, dies));
    CHECK_EQ(status, dies == NULL ? 0 : SIGKILL);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
}

static int stop_of(pid_t process)
{
    int status;
    CHECK_EQ(waitpid(process, &status, __WALL), process);
    CHECK(WIFSTOPPED(status));
    return status >> 8;
}

static void wait_for_end(int pidfd)
{
    struct pollfd end = {pidfd, POLLIN, 0};
    CHECK_EQ(poll(&end, 1, -1), 1); /* The supervisor bounds the wait. */
}

static void stopped_in_fork(void *dies)
{
    pid_t parent = start_child(forking, dies);
    unsigned long child;
    CHECK_EQ(get_number(ready), 0);
    if (ptrace(PTRACE_SEIZE, parent, NULL, PTRACE_O_TRACEFORK) == -1)
        SKIP("PTRACE_SEIZE: %s", strerror(errno));
    put_number(go, 0);
    CHECK_EQ(stop_of(parent), SIGTRAP | PTRACE_EVENT_FORK << 8);
    CHECK_OK(ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child));
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    if (pidfd == -1)
        SKIP("pidfd_open: %s", strerror(errno));
    stop_of((pid_t)child);
    CHECK_OK(ptrace(PTRACE_DETACH, (pid_t)child, NULL, 0));
    CHECK_EQ(get_number(ready), 1);
    if (dies != NULL)
        CHECK_OK(kill((pid_t)child, SIGKILL));
    wait_for_end(pidfd);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(ptrace(PTRACE_DETACH, parent, NULL, 0));
    CHECK_EQ(status_of(parent), 0);
    CHECK_EQ(NATTCH(id), 0);
    close(pidfd);
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    ready = new_channel();
    go = new_channel();
    killed = new_channel();
    stopped_in_fork(NULL);
    stopped_in_fork(&id);
    return 0;
}
