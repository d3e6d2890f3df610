/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A member in a pid namespace of its own counts like any other, and its death is seen. */
#include "harness.h"

static int id;
static struct channel ready, go;

static void inside(void *nothing)
{
    (void)nothing;
    CHECK_EQ(getpid(), 1);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'i';
    CHECK_EQ(NATTCH(id), 2);
    put_number(ready, 1);
    get_number(go);
}

int main(void)
{
    need_root();
    ready = new_channel();
    go = new_channel();
    id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    if (unshare(CLONE_NEWPID) == -1)
        SKIP("no pid namespace of its own: %s", strerror(errno));
    pid_t child = fork(); /* The first in the new namespace, so its pid there is 1. */
    CHECK_OK(child);
    if (child == 0) {
        CHECK_OK(shmdt(memory));
        inside(NULL);
        _exit(0);
    }
    get_number(ready);
    CHECK_EQ(memory[0], 'i');
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(kill(child, SIGKILL));
    EXPECT_SIGNAL(child, SIGKILL);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
