/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System calls of each call, counted, as an ordinary user: no more than it needs to make, map and remove a file. Calls
 * that programs make often do not touch the signal mask.
 */
#include "steps.h"
#include "users.h"

/* An attach that opens a file looks whether another thread has had its descriptor, unless the C library says that there is none. */
#ifdef __GLIBC__
enum { LOOK = 0 };
#else
enum { LOOK = 2 };
#endif

static int id, result;
static char *memory;
static key_t key;

static void lookup(void)
{
    result = shmget(key, 0, 0);
}

static void lookup_with_rights(void)
{
    result = shmget(key, 0, 0600);
}

static void stat_segment(void)
{
    struct shmid_ds fields; /* On the stack: elsewhere the library asks the kernel whether it may be written. */
    result = shmctl(id, IPC_STAT, &fields);
}

static void attach_and_detach(void)
{
    memory = shmat(id, NULL, 0);
    result = memory == (void *)-1 ? -1 : shmdt(memory);
}

static void attach_and_unmap(void)
{
    memory = shmat(id, NULL, 0);
    result = memory == (void *)-1 ? -1 : munmap(memory, page_size());
}

static void create_and_remove(void)
{
    int new = shmget(IPC_PRIVATE, 4096, 0600);
    result = shmctl(new, IPC_RMID, NULL);
}

static void life_cycle(void)
{
    int new = shmget(IPC_PRIVATE, 4096, 0600);
    memory = shmat(new, NULL, 0);
    if (memory != (void *)-1)
        memory[0] = 'm';
    result = shmctl(new, IPC_RMID, NULL) | shmdt(memory);
}

static void life_cycle_in_order(void)
{
    int new = shmget(IPC_PRIVATE, 4096, 0600);
    memory = shmat(new, NULL, 0);
    if (memory != (void *)-1)
        memory[0] = 'm';
    result = shmdt(memory) | shmctl(new, IPC_RMID, NULL);
}

static const char *numbers(const struct cost *cost)
{
    static char text[STEPS_KEPT * 5];
    int length = 0;
    for (int i = 0; i < STEPS_KEPT && i < cost->calls; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%s%d", i == 0 ? "" : " ", cost->numbers[i]);
    return text;
}

/* How much room there is, the library asks once a second: that is no cost of a call. */
static long questions_for_room(const struct cost *cost)
{
    long count = 0;
    for (int i = 0; i < STEPS_KEPT && i < cost->calls; i++)
        count += cost->numbers[i] == SYS_statfs || cost->numbers[i] == SYS_fstatfs;
    return count;
}

static struct cost allowed(const char *name, void (*body)(void), long calls, long masks)
{
    result = 0;
    struct cost cost = cost_of(body);
    if (result == -1)
        FAIL("%s: errno %d", name, errno);
    if (cost.calls - questions_for_room(&cost) > calls || cost.masks > masks)
        FAIL("%s: %ld system calls (%s) and %ld changes of the signal mask, %ld and %ld allowed", name, cost.calls,
             numbers(&cost), cost.masks, calls, masks);
    return cost;
}

#define ALLOWED(body, calls, masks) allowed(#body, body, calls, masks)

static void as_user(void *nothing)
{
    (void)nothing;
    if (geteuid() == 0) {
        const char *own = new_directory(); /* Where only he makes files. */
        CHECK(chown(own, ALICE, CREW) == 0 && chmod(own, 0711) == 0);
        CHECK_OK(setenv("PARTAGE_DIR", own, 1));
        become_user(ALICE, CREW);
    }
    key = unique_key();
    CHECK_OK(id = shmget(key, 4096, IPC_CREAT | 0600));
    stat_segment(); /* What a process does once does not count. */
    ALLOWED(attach_and_detach, 8 + LOOK, 0);
    ALLOWED(attach_and_detach, 8 + LOOK, 0);
    for (int i = 0; i < 3; i++) {
        ALLOWED(lookup, on_kernel(), 0);
        ALLOWED(lookup_with_rights, on_kernel(), 0);
        ALLOWED(stat_segment, on_kernel(), 0);
        ALLOWED(attach_and_detach, 2, 0);
        ALLOWED(attach_and_unmap, 2, 0);
    }
    for (int i = 0; i < 4; i++) { /* First attaches of segments, and from time to time what is kept is let go. */
        id = NEW_SEGMENT(4096, 0600);
        ALLOWED(attach_and_detach, 4 + LOOK, 0);
        REMOVE(id);
    }
    create_and_remove();
    for (int i = 0; i < 4; i++) {
        ALLOWED(create_and_remove, 4, 4);
        ALLOWED(life_cycle, 8 + LOOK, 4);
        ALLOWED(life_cycle_in_order, 8 + LOOK, 4);
    }
    id = shmget(key, 0, 0);
    char *others[8];
    for (int i = 0; i < 8; i++)
        others[i] = ATTACH(id, NULL, 0);
    ALLOWED(stat_segment, on_kernel(), 0); /* All are its own. */
    for (int i = 0; i < 8; i++)
        CHECK_OK(shmdt(others[i]));
    REMOVE(id);
}

int main(void)
{
    need_steps();
    RUN_CHILD(as_user, NULL);
    return 0;
}
