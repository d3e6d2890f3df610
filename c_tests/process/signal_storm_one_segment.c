/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A timer whose handler makes the calls that it interrupts, on the same segment and key: none fails, the count is exact. */
#include "mappings.h"

#include <sys/time.h>

enum { HANDLED = 1500, PAGES = 3 };

static int id;
static key_t key;
static volatile sig_atomic_t handled, wrong;

static void on_alarm(int number)
{
    int saved = errno;
    struct shmid_ds fields;
    (void)number;
    int found = shmget(key, 0, 0);
    char *memory = shmat(found, NULL, handled % 2 ? SHM_RDONLY : 0);
    if (found != id || memory == (char *)-1 || *memory != 's')
        wrong++;
    else if (shmctl(found, IPC_STAT, &fields) == -1 || fields.shm_nattch < 2 || fields.shm_nattch > 4)
        wrong++;
    else if (shmdt(memory) == -1)
        wrong++;
    handled++;
    errno = saved;
}

int main(void)
{
    key = unique_key();
    id = shmget(key, PAGES * page_size(), IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    char *kept = ATTACH(id, NULL, 0);
    kept[0] = 's';
    struct mapped_file file = file_at(kept);
    struct sigaction action = {.sa_handler = on_alarm}; /* No SA_RESTART. */
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
    while (handled < HANDLED) {
        CHECK_EQ(shmget(key, 0, IPC_CREAT | 0600), id);
        char *one = ATTACH(id, NULL, 0), *two = ATTACH(id, NULL, SHM_RDONLY);
        CHECK_EQ(NATTCH(id), 3); /* A handler has detached before it returns. */
        CHECK_OK(shmdt(one));
        CHECK_EQ(two[0], 's');
        CHECK_OK(shmdt(two));
    }
    CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
    CHECK_EQ(wrong, 0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(mapped_in(getpid(), file).count, 1);
    return 0;
}
