/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A child that is stopped before its first instruction, and its parent in the fork: by ptrace(2). */
#ifndef BIRTH_H
#define BIRTH_H

#include "harness.h"

#include <sys/ptrace.h>

/* The parent puts a number when it can be followed, and gets one before it forks. */
static struct channel ready, go;

/* Waits until the process stops; returns the signal, and the event that it stopped for. */
static inline int stop_of(pid_t process)
{
    int status;
    CHECK_EQ(waitpid(process, &status, __WALL), process);
    CHECK(WIFSTOPPED(status));
    return status >> 8;
}

/* Lets a process fork, and stops both in it. Returns the child. */
static inline pid_t stopped_at_birth(pid_t parent)
{
    unsigned long child;
    CHECK_EQ(get_number(ready), 0);
    if (ptrace(PTRACE_SEIZE, parent, NULL, PTRACE_O_TRACEFORK) == -1)
        SKIP("PTRACE_SEIZE: %s", strerror(errno));
    put_number(go, 0);
    CHECK_EQ(stop_of(parent), SIGTRAP | PTRACE_EVENT_FORK << 8);
    CHECK_OK(ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child));
    stop_of((pid_t)child);
    return (pid_t)child;
}

#endif
