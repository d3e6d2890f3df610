/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A handler attaches, detaches, maps over, moves and unmaps where the call that it interrupts does so: nattch is the number
 * of mappings when both are done, on the stack that was interrupted and on one of its own.
 */
#include "alarms.h"
#include "overlaps.h"

enum { ROUNDS = 10, CALLS = 200, EVERY = 400 };

static unsigned own_seed = 1, handlers_seed = 77;
static volatile sig_atomic_t handled;

static void on_alarm(int number)
{
    int saved = errno;
    (void)number;
    handled++;
    for (int i = 0; i < 3; i++)
        call_one(&handlers_seed);
    errno = saved;
}

static void rounds(int flags)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    for (int round = 0; round < ROUNDS || handled == 0; round++) {
        alarm_every(EVERY);
        for (int i = 0; i < CALLS; i++)
            call_one(&own_seed);
        alarm_every(0);
        CHECK_EQ(NATTCH(id), parts_in(getpid()));
    }
}

int main(void)
{
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    CHECK_OK(sigaltstack(&stack, NULL));
    begin_overlaps();
    rounds(SA_RESTART);
    handled = 0;
    rounds(SA_RESTART | SA_ONSTACK);
    return 0;
}
