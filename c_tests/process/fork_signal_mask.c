/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork with attachments leaves the signal mask as it was, in the parent and in the child. */
#include "harness.h"

static sigset_t expected;

static void check_mask(void *nothing)
{
    (void)nothing;
    sigset_t now;
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
    for (int number = 1; number <= 64; number++)
        CHECK_EQ(sigismember(&now, number), sigismember(&expected, number));
}

static void fork_and_check(void)
{
    CHECK_OK(sigprocmask(SIG_SETMASK, &expected, NULL));
    RUN_CHILD(check_mask, NULL);
    check_mask(NULL);
}

int main(void)
{
    ATTACH(NEW_SEGMENT(100, 0600), NULL, 0);
    sigemptyset(&expected);
    fork_and_check();
    sigaddset(&expected, SIGUSR1);
    sigaddset(&expected, SIGALRM);
    fork_and_check();
    sigfillset(&expected);
    sigdelset(&expected, SIGKILL);
    sigdelset(&expected, SIGSTOP);
    for (int number = 32; number < SIGRTMIN; number++) /* The C library's own. */
        sigdelset(&expected, number);
    fork_and_check();
    return 0;
}
