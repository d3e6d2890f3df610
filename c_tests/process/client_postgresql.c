/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * PostgreSQL's interlock: a start is refused while any process of the former one still has the segment, and goes
 * ahead with the same key when none has.
 */
#include "harness.h"

static key_t key;
static struct channel ready, backend_ready, go;

/* A backend that outlives its postmaster. */
static void backend(void *nothing)
{
    (void)nothing;
    put_number(backend_ready, getpid());
    get_number(go);
}

static void postmaster(void *nothing)
{
    (void)nothing;
    int id = shmget(key, 56, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    strcpy(memory, "header");
    put_number(ready, id);
    start_child(backend, NULL);
    get_number(go);
}

static void check_refused(int id)
{
    CHECK_EQ(NATTCH(id), 1);
    char *memory = ATTACH(id, NULL, 0);
    CHECK(strcmp(memory, "header") == 0);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
}

static void recover(int old)
{
    CHECK_EQ(NATTCH(old), 0);
    CHECK_ERRNO(shmget(key, 1 << 20, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    int id = shmget(key, 56, 0);
    CHECK_EQ(id, old);
    char *memory = ATTACH(id, NULL, 0);
    CHECK(strcmp(memory, "header") == 0);
    REMOVE(id);
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
    id = shmget(key, 1 << 20, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    CHECK(id != old);
    memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(memory[(1 << 20) - 1], 0);
    CHECK_EQ(NATTCH(id), 1);
}

int main(void)
{
    key = unique_key();
    ready = new_channel();
    backend_ready = new_channel();
    go = new_channel();
    pid_t first = start_child(postmaster, NULL);
    int id = (int)get_number(ready);
    pid_t orphan = (pid_t)get_number(backend_ready);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(kill(first, SIGKILL));
    EXPECT_SIGNAL(first, SIGKILL);
    check_refused(id);
    CHECK_OK(kill(orphan, SIGSTOP));
    check_refused(id); /* A stopped process does count. */
    /* Dead, and waited for by nobody until the test has ended: does not count. */
    int watch = (int)syscall(SYS_pidfd_open, orphan, 0);
    CHECK_OK(kill(orphan, SIGKILL));
    CHECK_EQ(poll(&(struct pollfd){.fd = watch, .events = POLLIN}, 1, -1), 1);
    recover(id);
    return 0;
}
