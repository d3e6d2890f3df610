/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A timer's handler makes calls between, and within, those of the main program; on a small stack of its own. */
#include "truth.h"
#include <sys/time.h>

static volatile sig_atomic_t handled;

static void handler(int signal)
{
    (void)signal;
    int error = errno;
    shmdt((void *)(2UL << 40 | (uintptr_t)handled << 1 | 1));
    handled++;
    errno = error;
}

int main(void)
{
    stack_t stack = {.ss_sp = malloc(SIGSTKSZ), .ss_size = SIGSTKSZ};
    CHECK(sigaltstack(&stack, NULL) == 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval timer = {{0, 50}, {0, 50}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    uintptr_t done = 0;
    for (; done < 1000000 && handled < 500; done++) {
        errno = UNTOUCHED;
        CHECK(shmdt((void *)(1UL << 40 | done << 1 | 1)) == -1 && errno == EINVAL);
    }
    timer = (struct itimerval){0};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    truth("main", (long)done);
    truth("handler", handled);
    return 0;
}
