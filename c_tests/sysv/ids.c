/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which id a new segment gets, in a fresh namespace: a model of the rule, run beside 20000 random steps.
 *
 * id = sequence * 32768 + index. The index is the lowest free one from the cursor up to a limit, else the lowest free
 * one; the cursor is then one above it. The limit is the larger of 64 and one and a half times the number of
 * segments before the new one. The sequence goes up whenever the index does not.
 */
#include "limits.h"

enum { INDICES = 32768, MOST_LIVE = 700, STEPS = 20000 };

static struct {
    bool taken[INDICES];
    int live, cursor, last, sequence;
} model = {.last = -1};

static int lowest_free(int from, int limit)
{
    while (from < limit && model.taken[from])
        from++;
    return from < limit ? from : -1;
}

static int model_create(void)
{
    int limit = model.live * 3 / 2 < 64 ? 64 : model.live * 3 / 2;
    int index = lowest_free(model.cursor, limit);
    if (index == -1)
        index = lowest_free(0, limit);
    if (index <= model.last)
        model.sequence++;
    model.last = index;
    model.cursor = index + 1;
    model.taken[index] = true;
    model.live++;
    return model.sequence * INDICES + index;
}

static void model_remove(int id)
{
    model.taken[id % INDICES] = false;
    model.live--;
}

/* The first ids are 0, 1, 2, 3; partage never issues 0, which careless programs take for "no segment". */
static void first_ids(void)
{
    if (!on_kernel()) {
        int first = model_create();
        CHECK_EQ(first, 0);
        model_remove(first);
    }
    for (int i = 0; i < 4; i++) {
        int id = shmget(IPC_PRIVATE, 1, 0600);
        CHECK_OK(id);
        CHECK_EQ(id, model_create());
    }
    for (int index = 0; index < 5; index++) {
        int id = shmctl(index, SHM_STAT, &(struct shmid_ds){0});
        if (id != -1) {
            REMOVE(id);
            model_remove(id);
        }
    }
    CHECK_EQ(model.live, 0);
}

/* A new id right after a removal is a different one. */
static void create_and_remove(void)
{
    for (int i = 0; i < 200; i++) {
        int id = shmget(IPC_PRIVATE, 1, 0600);
        CHECK_EQ(id, model_create());
        REMOVE(id);
        model_remove(id);
    }
}

static void random_steps(void)
{
    int ids[MOST_LIVE], live = 0, wanted = 0;
    srandom(1);
    for (int step = 0; step < STEPS; step++) {
        if (step % 500 == 0)
            wanted = (int)(random() % MOST_LIVE); /* grows and shrinks in turn */
        if (live == 0 || (live < MOST_LIVE && random() % 100 < (live < wanted ? 80 : 20))) {
            ids[live] = shmget(IPC_PRIVATE, 1, 0600);
            CHECK_EQ(ids[live], model_create());
            live++;
        } else {
            int victim = (int)(random() % live);
            REMOVE(ids[victim]);
            model_remove(ids[victim]);
            ids[victim] = ids[--live];
        }
    }
    while (live > 0)
        REMOVE(ids[--live]);
}

static void body(void)
{
    first_ids();
    create_and_remove();
    random_steps();
}

int main(void)
{
    with_limits((struct limits){0}, body);
    return 0;
}
