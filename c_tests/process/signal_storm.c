/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A timer that fires all the time: calls are not interrupted, and no handler is lost or held back for good. */
#include "harness.h"

#include <sys/time.h>

enum { ROUNDS = 3000 };

static volatile sig_atomic_t fired;

static void on_alarm(int number)
{
    (void)number;
    fired++;
}

static void round_of_calls(key_t key)
{
    struct shmid_ds fields;
    int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    memory[4999] = 'x';
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    fields.shm_perm.mode = 0644;
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    CHECK_OK(shmdt(memory));
    REMOVE(id);
}

static void object_round(const char *name)
{
    int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK_OK(file);
    CHECK_OK(close(file));
    CHECK_OK(shm_unlink(name));
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* No SA_RESTART. */
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 150}, {0, 150}}, NULL));
    key_t key = unique_key();
    const char *name = unique_name();
    for (int i = 0; i < ROUNDS; i++) {
        round_of_calls(key);
        if (i % 10 == 0)
            object_round(name);
    }
    int before = fired;
    while (fired == before)
        continue;
    sigset_t mask;
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &mask));
    CHECK_EQ(sigismember(&mask, SIGALRM), 0);
    CHECK_OK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL));
    return 0;
}
