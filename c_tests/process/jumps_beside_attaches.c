/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One thread jumps out of shmat again and again. What that leaves is settled without harm to the attaches of the others. */
#include "jumps.h"

#include <pthread.h>

enum { OTHERS = 2, JUMPS = 400, PAGES = 4, EVERY = 200000 };

static int id;
static atomic_bool done;

static void *attach(void *number)
{
    char *address = (char *)(0x300000000000 + ((uintptr_t)number << 30));
    while (!done)
        ATTACH(id, address, SHM_REMAP);
    return NULL;
}

int main(void)
{
    pthread_t other[OTHERS];
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, EVERY}, {0, EVERY}}, never = {{0, 0}, {0, 0}};
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    timers(SIG_BLOCK); /* In the others; so it comes to this thread alone. */
    for (long i = 0; i < OTHERS; i++)
        CHECK_EQ(pthread_create(&other[i], NULL, attach, (void *)i), 0);
    timers(SIG_UNBLOCK);
    signal(SIGUSR1, jump_out);
    CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    CHECK_OK(timer_settime(timer, 0, &often, NULL));
    while (LANDING, jumps < JUMPS) {
        armed = 1;
        for (;;)
            shmat(id, (void *)0x200000000000, SHM_REMAP);
    }
    CHECK_OK(timer_settime(timer, 0, &never, NULL));
    done = true;
    for (int i = 0; i < OTHERS; i++)
        CHECK_EQ(pthread_join(other[i], NULL), 0);
    return 0;
}
