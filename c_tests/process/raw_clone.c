/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child made without fork handlers (the clone system call, _Fork) has its attachments too. The kernel counts them at
 * once; a library sees the child at its first call at the latest, so that call comes before the first look.
 */
#include "harness.h"

static int id;
static char *memory;
static struct channel called, go;

static pid_t by_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void check_counted(pid_t (*make)(void))
{
    pid_t child = make();
    CHECK_OK(child);
    if (child == 0) {
        bool counted = NATTCH(id) == 2;
        put_number(called, counted);
        get_number(go);
        memory[1] = 'c';
        _exit(0);
    }
    CHECK_EQ(get_number(called), 1);
    CHECK_EQ(NATTCH(id), 2);
    put_number(go, 1);
    EXPECT_EXIT(child, 0);
    CHECK_EQ(memory[1], 'c');
    CHECK_EQ(NATTCH(id), 1);
}

static void check_detaches(pid_t (*make)(void))
{
    pid_t child = make();
    CHECK_OK(child);
    if (child == 0) {
        bool detached = shmdt(memory) == 0 && shmdt(memory) == -1 && NATTCH(id) == 1;
        /* Its own fork is an ordinary one again. */
        ATTACH(id, NULL, 0);
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(NATTCH(id) == 3 ? 0 : 1);
        int status = -1;
        waitpid(grandchild, &status, 0);
        _exit(detached && status == 0 && NATTCH(id) == 2 ? 0 : 1);
    }
    EXPECT_EXIT(child, 0);
    CHECK_EQ(NATTCH(id), 1);
    memory[2] = 'p'; /* Still attached here. */
}

int main(void)
{
    called = new_channel();
    go = new_channel();
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    check_counted(by_clone);
    check_detaches(by_clone);
#ifndef __BIONIC__ /* Has it from Android 15 on. */
    check_counted(_Fork);
    check_detaches(_Fork);
#endif
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
