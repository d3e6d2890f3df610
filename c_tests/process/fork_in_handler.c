/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal handler forks, in several processes of one namespace, whatever it interrupts: a fork, a detach, a look at a
 * count. Its children have ended when it returns, and nobody sees them counted.
 */
#include "harness.h"

#include <sys/time.h>

enum { PROCESSES = 3, ROUNDS = 300 };

static int watched;
static volatile sig_atomic_t handled, wrong;

static void on_alarm(int number)
{
    int saved = errno;
    struct shmid_ds fields;
    (void)number;
    pid_t child = fork();
    if (child == 0)
        _exit(shmctl(watched, IPC_STAT, &fields) == 0 && fields.shm_nattch >= 2 ? 0 : 1);
    int status = 1;
    if (child != -1)
        while (waitpid(child, &status, 0) == -1 && errno == EINTR)
            ;
    if (status != 0)
        wrong++;
    handled++;
    errno = saved;
}

/* Once, so that a slow handler leaves its thread the time between two rounds. */
static void alarm_after(suseconds_t microseconds)
{
    struct itimerval timer = {{0, 0}, {0, microseconds}};
    CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
}

static void be_disturbed(void *number)
{
    (void)number;
    watched = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(watched, NULL, 0);
    struct sigaction action = {.sa_handler = on_alarm};
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    for (int round = 0; round < ROUNDS; round++) {
        alarm_after(20 + round * 61 % 700);
        int id = NEW_SEGMENT(3 * page_size(), 0600);
        char *mine = ATTACH(id, NULL, 0);
        CHECK_OK(munmap(pages_up(mine, 1), page_size()));
        pid_t child = fork();
        CHECK_OK(child);
        if (child == 0)
            _exit(round % 2 == 0 || shmdt(mine) == 0 ? PASSED : 1);
        int status;
        while (waitpid(child, &status, 0) == -1)
            CHECK_EQ(errno, EINTR);
        CHECK_EQ(status, PASSED);
        CHECK_EQ(NATTCH(id), 2);
        REMOVE(id);
        CHECK_OK(shmdt(mine));
        CHECK_GONE(id);
    }
    alarm_after(0);
    CHECK(handled > 0);
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
