/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An attachment in two parts is detached while other threads attach: what comes to lie where its first part was, before
 * the second is unmapped, keeps nobody from that.
 */
#include "harness.h"

#include <pthread.h>

enum { OTHERS = 3, ROUNDS = 1500 };

static atomic_bool done;
static int small;

static void *come_and_go(void *nothing)
{
    while (!done) {
        char *memory = ATTACH(small, NULL, 0);
        CHECK_EQ(memory[0], 5);
        CHECK_OK(shmdt(memory));
    }
    return nothing;
}

int main(void)
{
    small = NEW_SEGMENT(1, 0600);
    char *memory = ATTACH(small, NULL, 0);
    *memory = 5;
    pthread_t other[OTHERS];
    for (int i = 0; i < OTHERS; i++)
        CHECK_EQ(pthread_create(&other[i], NULL, come_and_go, NULL), 0);
    int id = NEW_SEGMENT(3 * page_size(), 0600);
    for (int round = 0; round < ROUNDS; round++) {
        char *mine = ATTACH(id, NULL, 0);
        CHECK_OK(munmap(pages_up(mine, 1), page_size()));
        CHECK_EQ(NATTCH(id), 2);
        CHECK_OK(shmdt(mine));
        CHECK_EQ(NATTCH(id), 0);
    }
    done = true;
    for (int i = 0; i < OTHERS; i++)
        CHECK_EQ(pthread_join(other[i], NULL), 0);
    CHECK_EQ(NATTCH(small), 1);
    return 0;
}
