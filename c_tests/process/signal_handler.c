/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A handler that makes the same calls and jumps out of whatever it interrupted leaves nothing locked. */
#include "jumps.h"

enum { JUMPS = 300 };

static int id;
static key_t key;

static void on_alarm(int number)
{
    struct shmid_ds fields;
    if (!armed)
        return;
    int own = shmget(IPC_PRIVATE, 10, 0600);
    if (own == -1 || shmctl(id, IPC_STAT, &fields) == -1 || shmctl(own, IPC_RMID, NULL) == -1)
        _exit(3);
    jump_out(number);
}

static void check_others_go_on(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(memory));
    int own = NEW_SEGMENT(100, 0600);
    REMOVE(own);
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    key = unique_key(); /* So that one left by a jump is found again. */
    signal(SIGALRM, on_alarm);
    while (LANDING, jumps < JUMPS) {
        alarm_every(300);
        armed = 1;
        for (;;) { /* An interrupted attachment may stay: it is known to nobody, as on the kernel. */
            void *volatile memory = shmat(id, NULL, 0);
            int volatile own = shmget(key, 10, IPC_CREAT | 0600);
            shmctl(own, IPC_RMID, NULL);
            shmdt(memory);
        }
    }
    alarm_every(0);
    RUN_CHILD(check_others_go_on, NULL);
    CHECK(NATTCH(id) <= JUMPS);
    return 0;
}
