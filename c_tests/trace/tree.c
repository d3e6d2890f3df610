/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A tree of processes: every way to fork and every way to exec, a failing one of each kind included. An argument names
 * the role of an image that an exec or a spawn started. */
#include "truth.h"

extern char **environ;
extern pid_t _Fork(void);
static char *self;

/* What each new image does: one call that is recorded, under its own role. */
static int leaf(void)
{
    DID("shmdt", shmdt((void *)1));
    truth("exit", 0);
    exit(7);
}

static void forks(void)
{
    pid_t pid = fork();
    truth("fork", pid);
    if (pid == 0) {
        DID("shmdt", shmdt((void *)1));
        pid_t grandchild = fork();
        truth("fork", grandchild);
        if (grandchild == 0) {
            DID("shmdt", shmdt((void *)1));
            truth("_exit", 0);
            _exit(3);
        }
        CHECK(status_of(grandchild) == 3);
        truth("exit", 0);
        exit(4);
    }
    CHECK(status_of(pid) == 4);
    pid = _Fork();
    truth("_Fork", pid);
    if (pid == 0) {
        DID("shmdt", shmdt((void *)1));
        truth("_exit", 0);
        _Exit(5);
    }
    CHECK(status_of(pid) == 5);
    /* One that makes no call leaves no file. */
    pid = fork();
    if (pid == 0)
        _exit(8);
    truth("fork", pid);
    CHECK(status_of(pid) == 8);
    /* Past every wrapper: the child finds out by itself. */
    pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        DID("shmdt", shmdt((void *)1));
        truth("_exit", 0);
        _exit(6);
    }
    CHECK(status_of(pid) == 6);
}

static void vforks(void)
{
    pid_t pid = vfork();
    truth("vfork", pid);
    if (pid == 0) {
        DID("shmdt", shmdt((void *)1));
        pid_t inner = vfork();
        truth("vfork", inner);
        if (inner == 0) {
            DID("shmdt", shmdt((void *)1));
            truth("_exit", 0);
            _exit(8);
        }
        DID("shmdt", shmdt((void *)1));
        truth("exec", 0);
        execl(self, self, "leaf", (char *)NULL);
        _exit(99);
    }
    CHECK(status_of(pid) == 7);
    pid = vfork();
    truth("vfork", pid);
    if (pid == 0) {
        truth("exec", 0);
        DID("exec", execl("/nonexistent", "x", (char *)NULL));
        truth("_exit", 0);
        _exit(9);
    }
    CHECK(status_of(pid) == 9);
    DID("shmdt", shmdt((void *)1));
}

static void start(int how)
{
    char *args[] = {self, "leaf", "3", "4", "5", "6", "7", NULL};
    truth("exec", 0);
    switch (how) {
    case 0: execv(self, args); break;
    case 1: execve(self, args, environ); break;
    case 2: execvp(self, args); break;
    case 3: execvpe(self, args, environ); break;
    case 4: execl(self, self, "leaf", "3", "4", "5", "6", "7", "8", (char *)NULL); break;
    case 5: execlp(self, self, "leaf", (char *)NULL); break;
    case 6: execle(self, self, "leaf", "3", "4", "5", "6", "7", "8", (char *)NULL, environ); break;
    case 7: fexecve(open(self, O_RDONLY), args, environ); break;
    default: execveat(AT_FDCWD, self, args, environ, 0);
    }
    _exit(99);
}

static volatile uintptr_t bad = 8;

static void execs(void)
{
    for (int how = 0; how < 9; how++) {
        pid_t pid = fork();
        truth("fork", pid);
        if (pid == 0)
            start(how);
        CHECK(status_of(pid) == 7);
    }
    truth("exec", 0);
    DID("exec", execv("/nonexistent", (char *[]){"x", NULL}));
    truth("exec", 0);
    DID("exec", execle("/nonexistent", "x", (char *)NULL, environ));
    truth("exec", 0);
    DID("exec", execv((char *)bad, (char *[]){"x", NULL}));
}

static void spawns(void)
{
    pid_t pid;
    char *args[] = {self, "leaf", NULL};
    int error = posix_spawn(&pid, self, NULL, NULL, args, environ);
    truth_with("posix_spawn", error, error);
    CHECK(error == 0 && status_of(pid) == 7);
    error = posix_spawnp(&pid, "/nonexistent", NULL, NULL, args, environ);
    truth_with("posix_spawn", error, error);
    CHECK(error == ENOENT);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1)
        return leaf();
    forks();
    vforks();
    execs();
    spawns();
    truth("exit", 0);
    return 0;
}
