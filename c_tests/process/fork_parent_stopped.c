/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child that ends, or is killed, while its parent is stopped in the middle of fork: the child's attachments are gone, and
 * the parent's stay.
 */
#include "birth.h"

#include <poll.h>
#include <sys/syscall.h>

static int id;
static struct channel killed;

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

static void wait_for_end(int pidfd)
{
    struct pollfd end = {pidfd, POLLIN, 0};
    CHECK_EQ(poll(&end, 1, -1), 1); /* The supervisor bounds the wait. */
}

static void stopped_in_fork(void *dies)
{
    pid_t parent = start_child(forking, dies), child = stopped_at_birth(parent);
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    if (pidfd == -1)
        SKIP("pidfd_open: %s", strerror(errno));
    CHECK_OK(ptrace(PTRACE_DETACH, child, NULL, 0));
    CHECK_EQ(get_number(ready), 1);
    if (dies != NULL)
        CHECK_OK(kill(child, SIGKILL));
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
