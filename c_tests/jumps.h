/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A handler that jumps out of whatever it interrupts, once each time that it is armed. */
#ifndef JUMPS_H
#define JUMPS_H

#include "alarms.h"

static sigjmp_buf out;
static volatile sig_atomic_t jumps, armed;

static void timers(int how)
{
    sigset_t timers;
    sigemptyset(&timers);
    sigaddset(&timers, SIGALRM);
    sigaddset(&timers, SIGUSR1);
    CHECK_EQ(pthread_sigmask(how, &timers, NULL), 0);
}

/* Where the jumps go. No timer's signal comes while the place is noted or returned to: on bionic, the thread has no stack
 * to run a handler on for some instructions of either. */
#define LANDING (timers(SIG_BLOCK), sigsetjmp(out, 1), timers(SIG_UNBLOCK))

static void jump_out(int number)
{
    (void)number;
    if (!armed)
        return;
    armed = 0;
    jumps++;
    siglongjmp(out, 1);
}

#endif
