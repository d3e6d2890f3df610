/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every call gives the signal mask back as it found it, whether it succeeds or fails. */
#include "harness.h"

static sigset_t expected;

static void check_mask(int line)
{
    sigset_t mask;
    CHECK_OK(sigprocmask(SIG_SETMASK, NULL, &mask));
    for (int number = 1; number < 64; number++)
        if (sigismember(&mask, number) != sigismember(&expected, number))
            FAIL("after line %d: signal %d", line, number);
}

#define MASKED(call)                                                                                                   \
    do {                                                                                                               \
        (void)(call);                                                                                                  \
        check_mask(__LINE__);                                                                                          \
    } while (0)

static void all_calls(void)
{
    struct shmid_ds fields;
    key_t key = unique_key();
    int id;
    char *memory;
    MASKED(id = shmget(key, 2 * page_size(), IPC_CREAT | 0600));
    MASKED(shmget(key, 0, 0));
    MASKED(shmget(key, 0, IPC_CREAT | IPC_EXCL));
    MASKED(shmget(IPC_PRIVATE, 0, 0600));
    MASKED(memory = shmat(id, NULL, 0));
    MASKED(shmat(id, memory, 0));
    MASKED(shmat(id + 32768, NULL, 0));
    MASKED(shmctl(id, IPC_STAT, &fields));
    MASKED(shmctl(id, IPC_STAT, NULL));
    MASKED(shmctl(id, IPC_SET, &fields));
    MASKED(shmctl(id, IPC_SET, NULL));
    MASKED(shmctl(id, SHM_STAT, &fields));
    MASKED(shmctl(id, SHM_LOCK, NULL));
    MASKED(shmctl(id, SHM_UNLOCK, NULL));
    MASKED(shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0}));
    MASKED(munmap(pages_up(memory, 1), page_size()));
    MASKED(shmctl(id, IPC_RMID, NULL));
    MASKED(shmdt(memory));
    MASKED(shmdt(memory));
    MASKED(shmctl(id, IPC_RMID, NULL));
}

int main(void)
{
    sigemptyset(&expected);
    CHECK_OK(sigprocmask(SIG_SETMASK, &expected, NULL));
    all_calls();
    sigaddset(&expected, SIGUSR1);
    sigaddset(&expected, SIGALRM);
    CHECK_OK(sigprocmask(SIG_SETMASK, &expected, NULL));
    CHECK_OK(raise(SIGUSR1)); /* pending, and still so at the end */
    all_calls();
    sigset_t pending;
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGUSR1), 1);
    return 0;
}
