/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Eight processes race for one key: with IPC_CREAT they agree on one id, with IPC_EXCL exactly one creates it. */
#include "harness.h"

enum { RACERS = 8, ROUNDS = 100 };

static struct {
    atomic_int arrived, round, winners;
    int id[RACERS];
} *race;
static key_t key;

/* Waits until all racers are here; the last one to come runs the body. */
static void meet(void (*body)(int), int round)
{
    int now = race->round;
    if (atomic_fetch_add(&race->arrived, 1) == RACERS - 1) {
        if (body != NULL)
            body(round);
        race->arrived = 0;
        atomic_fetch_add(&race->round, 1);
        return;
    }
    while (now == race->round)
        sched_yield();
}

static void judge(int round)
{
    int made = -1;
    for (int i = 0; i < RACERS; i++) {
        if (race->id[i] == -1)
            continue;
        CHECK(made == -1 || race->id[i] == made);
        made = race->id[i];
    }
    CHECK(made != -1);
    if (round % 2 != 0)
        CHECK_EQ(race->winners, 1);
    race->winners = 0;
    REMOVE(made);
}

static void racer(void *argument)
{
    long number = (long)argument;
    for (int round = 0; round < ROUNDS; round++) {
        bool exclusive = round % 2 != 0;
        meet(NULL, round);
        int id = shmget(key, 100, IPC_CREAT | (exclusive ? IPC_EXCL : 0) | 0600);
        if (id == -1)
            CHECK(exclusive && errno == EEXIST);
        else
            atomic_fetch_add(&race->winners, 1);
        race->id[number] = id;
        meet(judge, round);
    }
}

int main(void)
{
    pid_t child[RACERS];
    race = shared_with_children(sizeof *race);
    key = unique_key();
    for (long i = 0; i < RACERS; i++)
        child[i] = start_child(racer, (void *)i);
    for (int i = 0; i < RACERS; i++)
        EXPECT_EXIT(child[i], 0);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    return 0;
}
