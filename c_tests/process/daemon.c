/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A daemon's way into the background: attached before two forks, a new session and closed descriptors. */
#include "harness.h"

static int id;
static char *memory;
static struct channel ready, go;

static void background(void *nothing)
{
    (void)nothing;
    CHECK(setsid() != -1);
    pid_t daemon = fork();
    CHECK_OK(daemon);
    if (daemon != 0)
        _exit(0);
    int low = ready.write_end < go.read_end ? ready.write_end : go.read_end;
    int high = ready.write_end < go.read_end ? go.read_end : ready.write_end;
    CHECK_OK(close_range(0, (unsigned)low - 1, 0));
    if (high > low + 1)
        CHECK_OK(close_range((unsigned)low + 1, (unsigned)high - 1, 0));
    CHECK_OK(close_range((unsigned)high + 1, ~0U, 0));
    memory[0] = 'd';
    put_number(ready, getpid());
    get_number(go);
    char *again = ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(memory));
    again[1] = 'e';
    put_number(ready, NATTCH(id));
    get_number(go);
}

int main(void)
{
    ready = new_channel();
    go = new_channel();
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    RUN_CHILD(background, NULL);
    pid_t daemon = (pid_t)get_number(ready);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_EQ(memory[0], 'd');
    put_number(go, 1);
    CHECK_EQ(get_number(ready), 2);
    CHECK_EQ(memory[1], 'e');
    int watch = (int)syscall(SYS_pidfd_open, daemon, 0);
    CHECK_OK(watch);
    CHECK_OK(kill(daemon, SIGKILL));
    CHECK_EQ(poll(&(struct pollfd){.fd = watch, .events = POLLIN}, 1, -1), 1);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
