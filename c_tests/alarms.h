/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals that come again and again. */
#ifndef ALARMS_H
#define ALARMS_H

#include "harness.h"

#include <sys/time.h>

/* Raises SIGALRM so often, for the process; never for 0. */
static inline void alarm_every(suseconds_t microseconds)
{
    struct itimerval interval = {{0, microseconds}, {0, microseconds}};
    CHECK_OK(setitimer(ITIMER_REAL, &interval, NULL));
}

#endif
