/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Several processes create at once where there is room for some of them only, for one key or for none: exactly as many
 * get a segment as there is room for, whoever fails takes nobody's place, and all agree on a key.
 */
#include "limits.h"

enum { RACERS = 6, ROUNDS = 60 };

static struct race {
    atomic_int arrived, round;
    int id[RACERS], error[RACERS];
} *race;

static key_t key;
static long page;

/* Waits until all racers are here; the last one to come runs the body. */
static void meet(void (*body)(void))
{
    int now = race->round;
    if (atomic_fetch_add(&race->arrived, 1) == RACERS - 1) {
        if (body != NULL)
            body();
        race->arrived = 0;
        atomic_fetch_add(&race->round, 1);
        return;
    }
    while (now == race->round)
        sched_yield();
}

/* How many got one; every other failed for want of room. All are removed again. */
static int winners(void)
{
    int won = 0;
    for (int i = 0; i < RACERS; i++)
        if (race->id[i] == -1)
            CHECK_EQ(race->error[i], ENOSPC);
        else
            won++;
    for (int i = 0; i < RACERS; i++)
        if (race->id[i] != -1)
            shmctl(race->id[i], IPC_RMID, NULL);
    return won;
}

static void judge_one(void)
{
    CHECK_EQ(winners(), 1);
}

static void judge_two(void)
{
    CHECK_EQ(winners(), 2);
}

static void judge_key(void)
{
    for (int i = 0; i < RACERS; i++)
        if (race->id[i] == -1 || race->id[i] != race->id[0])
            FAIL("round %d, racer %d: id %d, errno %d; the first: id %d, errno %d", race->round, i, race->id[i],
                 race->error[i], race->id[0], race->error[0]);
    CHECK_EQ(winners(), RACERS);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
}

static void judge_exclusive(void)
{
    int won = 0;
    for (int i = 0; i < RACERS; i++)
        if (race->id[i] == -1)
            CHECK_EQ(race->error[i], EEXIST);
        else
            won++;
    CHECK_EQ(won, 1);
    REMOVE(shmget(key, 0, 0));
}

/* One of them has room; the others ask for more than there ever is. */
static void judge_modest(void)
{
    for (int i = 1; i < RACERS; i++)
        CHECK_EQ(race->error[i], ENOSPC);
    CHECK(race->id[0] != -1);
    REMOVE(race->id[0]);
}

struct kind {
    int (*create)(long);
    void (*judge)(void);
};

static int create_private(long number)
{
    (void)number;
    return shmget(IPC_PRIVATE, (size_t)page, 0600);
}

static int create_with_key(long number)
{
    (void)number;
    return shmget(key, (size_t)page, IPC_CREAT | 0600);
}

static int create_exclusively(long number)
{
    (void)number;
    return shmget(key, (size_t)page, IPC_CREAT | IPC_EXCL | 0600);
}

static int create_three_pages(long number)
{
    (void)number;
    return shmget(IPC_PRIVATE, 3 * (size_t)page, 0600);
}

static int create_modestly(long number)
{
    return shmget(IPC_PRIVATE, (number == 0 ? 8 : 9) * (size_t)page, 0600);
}

static struct kind kind;

static void racer(void *number)
{
    for (int round = 0; round < ROUNDS; round++) {
        meet(NULL);
        errno = 0;
        race->id[(long)number] = kind.create((long)number);
        race->error[(long)number] = errno;
        meet(kind.judge);
    }
}

static void run(int (*create)(long), void (*judge)(void))
{
    kind = (struct kind){create, judge};
    RUN_CHILDREN(RACERS, racer);
}

static void set_up(void)
{
    race = shared_with_children(sizeof *race);
    key = unique_key();
    page = (long)page_size();
}

static void one_segment(void)
{
    set_up();
    run(create_private, judge_one);
    run(create_with_key, judge_key);
    run(create_exclusively, judge_exclusive);
}

static void two_segments(void)
{
    set_up();
    run(create_private, judge_two);
    int id = NEW_SEGMENT(1, 0600);
    char *memory = ATTACH(id, NULL, 0);
    REMOVE(id);
    run(create_private, judge_one);
    run(create_with_key, judge_key);
    CHECK_OK(shmdt(memory));
    run(create_private, judge_two);
}

static void eight_pages(void)
{
    set_up();
    run(create_three_pages, judge_two);
    run(create_modestly, judge_modest);
    run(create_with_key, judge_key);
}

int main(void)
{
    with_limits((struct limits){.shmmni = "1"}, one_segment);
    with_limits((struct limits){.shmmni = "2"}, two_segments);
    with_limits((struct limits){.shmall = "8"}, eight_pages);
    return 0;
}
