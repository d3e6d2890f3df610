/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A handler that jumps out of whatever it interrupts, once each time that it is armed. */
#ifndef JUMPS_H
#define JUMPS_H

#include "harness.h"

#include <sys/time.h>

static sigjmp_buf out;
static volatile sig_atomic_t jumps, armed;

static void jump_out(int number)
{
    (void)number;
    if (!armed)
        return;
    armed = 0;
    jumps++;
    siglongjmp(out, 1);
}

/* Raises SIGALRM so often, for the process; never for 0. */
static inline void alarm_every(suseconds_t microseconds)
{
    struct itimerval interval = {{0, microseconds}, {0, microseconds}};
    CHECK_OK(setitimer(ITIMER_REAL, &interval, NULL));
}

#endif
