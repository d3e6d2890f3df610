/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals all the time, to a handler that uses the same calls and does not restart anything, in several processes that make
 * and remove segments beside each other, half of them with a stack for the handler: no call is disturbed, and no count.
 */
#include "harness.h"

#include <sys/time.h>

enum { PROCESSES = 4 };

static int watched;
static volatile sig_atomic_t handled, wrong;

static void on_alarm(int number)
{
    int saved = errno;
    struct shmid_ds fields;
    (void)number;
    char *memory = shmat(watched, NULL, 0);
    if (memory == (char *)-1 || *memory != 3 || shmctl(watched, IPC_STAT, &fields) == -1 || shmdt(memory) == -1)
        wrong++;
    handled++;
    errno = saved;
}

static void be_disturbed(void *number)
{
    static char stack[1 << 16];
    stack_t own_stack = {.ss_sp = stack, .ss_size = sizeof stack};
    CHECK_OK(sigaltstack(&own_stack, NULL));
    watched = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(watched, NULL, 0);
    *memory = 3;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = (long)number % 2 == 0 ? 0 : SA_ONSTACK};
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
    key_t key = unique_key();
    for (int i = 0; i < 200 || handled < 200; i++) {
        int id = shmget(key, 3 * page_size(), IPC_CREAT | IPC_EXCL | 0600);
        CHECK_OK(id);
        char *mine = ATTACH(id, NULL, 0);
        mine[0] = 1;
        CHECK_EQ(NATTCH(id), 1);
        CHECK_OK(munmap(pages_up(mine, 1), page_size()));
        REMOVE(id);
        CHECK_OK(shmdt(mine));
        CHECK_GONE(id);
    }
    CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
    CHECK_EQ(wrong, 0);
    CHECK_EQ(NATTCH(watched), 1);
    CHECK_OK(shmdt(memory));
    REMOVE(watched);
}

int main(void)
{
    RUN_CHILDREN(PROCESSES, be_disturbed);
    return 0;
}
