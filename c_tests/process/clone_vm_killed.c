/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child that shares the memory (CLONE_VM) is killed at any point of any call: nobody is held up, and the counts are
 * those of the mappings that are left. What it was killed in the middle of, the library may count until the process ends.
 */
#include "mappings.h"

enum { STACK = 1 << 18, KILLS = 30, UNSEEN = 300 };

static int id, other;
static key_t key;
static struct mapped_file file;

/* The calls in which it is killed. No check: a failed one would run the parent's exit handlers. */
static int attach_for_ever(void *nothing)
{
    for (;;)
        shmdt(shmat(id, NULL, 0));
    return nothing != NULL;
}

static int create_for_ever(void *nothing)
{
    for (;;)
        shmctl(shmget(key, 100, IPC_CREAT | 0600), IPC_RMID, NULL);
    return nothing != NULL;
}

static int remap_for_ever(void *nothing)
{
    for (;;) {
        char *memory = shmat(id, NULL, 0);
        char *second = mremap(memory, 0, 3 * page_size(), MREMAP_MAYMOVE);
        munmap(memory, 3 * page_size());
        munmap(second, 3 * page_size());
    }
    return nothing != NULL;
}

static int look_for_ever(void *nothing)
{
    struct shmid_ds fields;
    for (;;) {
        shmctl(id, IPC_STAT, &fields);
        fields.shm_perm.mode ^= 0040;
        shmctl(id, IPC_SET, &fields);
    }
    return nothing != NULL;
}

static void use(void *nothing)
{
    (void)nothing;
    CHECK_OK(shmdt(ATTACH(other, NULL, 0)));
    CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    int new = NEW_SEGMENT(100, 0600);
    REMOVE(new);
}

static long killed;

static void check_count(void)
{
    long mapped = mapped_in(getpid(), file).count, shown = NATTCH(id);
    if (shown < mapped || shown > mapped + (on_kernel() ? 0 : killed))
        FAIL("after %ld deaths: nattch %ld, %ld mapped", killed, shown, mapped);
}

static void kill_one_in(int (*body)(void *), char *stack)
{
    pid_t child = clone(body, stack + STACK, CLONE_VM | SIGCHLD, NULL);
    CHECK_OK(child);
    for (long turns = random() % 20; turns > 0; turns--)
        sched_yield();
    CHECK_OK(kill(child, SIGKILL));
    EXPECT_SIGNAL(child, SIGKILL);
    killed++;
}

static void kill_in(int (*body)(void *), char *stack, bool counts)
{
    for (int i = 0; i < KILLS; i++) {
        kill_one_in(body, stack);
        use(NULL);
        if (i % 8 == 0)
            RUN_CHILD(use, NULL);
        if (counts)
            check_count();
    }
}

/* Many, before anybody looks at the count: also those that settle what the last one left are killed. */
static void kill_unseen(char *stack)
{
    for (int i = 0; i < UNSEEN; i++) {
        kill_one_in(attach_for_ever, stack);
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    }
    check_count();
}

static void all(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(id, NULL, 0);
    file = file_at(memory);
    char *stack = reserve(STACK / (long)page_size(), PROT_READ | PROT_WRITE);
    kill_in(attach_for_ever, stack, true);
    kill_unseen(stack);
    kill_in(look_for_ever, stack, true);
    kill_in(create_for_ever, stack, true);
    detach_all(file);
    check_count();
    kill_in(remap_for_ever, stack, on_kernel());
}

int main(void)
{
    id = NEW_SEGMENT(3 * page_size(), 0600);
    key = unique_key();
    other = NEW_SEGMENT(100, 0600);
    srandom(1);
    RUN_CHILD(all, NULL);
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(NATTCH(other), 0);
    return 0;
}
