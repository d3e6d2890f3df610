/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many children at once: each counts, and when all have been killed none does. */
#include "harness.h"

enum { CHILDREN = 100 };

static void pause_for_ever(void *nothing)
{
    (void)nothing;
    for (;;)
        pause();
}

int main(void)
{
    pid_t child[CHILDREN];
    int id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    for (int i = 0; i < CHILDREN; i++) {
        child[i] = start_child(pause_for_ever, NULL);
        CHECK_EQ(NATTCH(id), i + 2);
    }
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), CHILDREN);
    for (int i = 0; i < CHILDREN; i++) {
        CHECK_OK(kill(child[i], SIGKILL));
        EXPECT_SIGNAL(child[i], SIGKILL);
        CHECK_EQ(NATTCH(id), CHILDREN - 1 - i);
        CHECK_EQ(FIELDS(id).shm_lpid, child[i]);
    }
    return 0;
}
