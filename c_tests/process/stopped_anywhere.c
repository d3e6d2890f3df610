/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Two processes are stopped wherever they happen to be in their calls: nobody waits for them, whatever he does, also in
 * another thread or with the same segment, and every count is right with them stopped and when they go on.
 */
#include "left.h"
#include "harness.h"

#include <pthread.h>

enum { STOPS = 40 };

static int id, removed, other;
static char *memory, *kept;
static struct channel started;

/* With nothing attached, and not for longer than the test. */
static void start(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmdt(kept));
    put_number(started, 0);
}

/* Makes every call that changes or looks at an attachment. */
static void attach_for_ever(void *nothing)
{
    (void)nothing;
    start();
    for (;;) {
        char *first = ATTACH(id, NULL, 0), *second = ATTACH(removed, NULL, SHM_RDONLY);
        CHECK(NATTCH(removed) >= 1);
        CHECK_OK(munmap(first, 3 * page_size()));
        CHECK_OK(shmdt(second));
    }
}

static void create_for_ever(void *nothing)
{
    (void)nothing;
    start();
    for (;;) {
        int own = shmget(IPC_PRIVATE, 100, 0600);
        CHECK_OK(own);
        CHECK_OK(shmdt(ATTACH(own, NULL, 0)));
        REMOVE(own);
    }
}

static void stop(pid_t process)
{
    int status;
    CHECK_OK(kill(process, SIGSTOP));
    CHECK_EQ(waitpid(process, &status, WUNTRACED), process);
    CHECK(WIFSTOPPED(status));
}

static void attach_and_look(int which)
{
    char *again = ATTACH(which, NULL, 0);
    CHECK(NATTCH(which) >= 1);
    CHECK_OK(shmdt(again));
    again = ATTACH(which, NULL, 0);
    CHECK_OK(munmap(again, 3 * page_size()));
}

static void child(void *nothing)
{
    (void)nothing;
    CHECK(NATTCH(id) >= 2);
    CHECK_OK(shmdt(memory));
    attach_and_look(id);
}

static void *in_thread(void *nothing)
{
    attach_and_look(other);
    attach_and_look(removed);
    return nothing;
}

/* With the calls that make or remove a segment, unless somebody may be stopped in those. */
static void do_everything(bool creations)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, in_thread, NULL), 0);
    attach_and_look(id);
    attach_and_look(removed);
    attach_and_look(other);
    void *plain = reserve(1, PROT_NONE);
    CHECK_OK(munmap(plain, page_size()));
    RUN_CHILD(child, NULL);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    if (!creations)
        return;
    int new = shmget(IPC_PRIVATE, 100, 0600);
    CHECK_OK(new);
    struct shmid_ds fields = FIELDS(new);
    fields.shm_perm.mode = 0640;
    CHECK_OK(shmctl(new, IPC_SET, &fields));
    REMOVE(new);
    CHECK_GONE(new);
}

static void stopped_in(void (*body)(void *), bool creations)
{
    pid_t first = start_child(body, NULL), second = start_child(body, NULL);
    get_number(started);
    get_number(started);
    for (int i = 0; i < STOPS; i++) {
        for (long turns = random() % 20; turns > 0; turns--)
            sched_yield();
        stop(first);
        sched_yield();
        stop(second);
        long shown = NATTCH(id);
        CHECK(shown >= 1 && shown <= 3);
        do_everything(creations);
        CHECK_EQ(NATTCH(id), shown);
        CHECK_OK(kill(first, SIGCONT));
        CHECK_OK(kill(second, SIGCONT));
    }
    stop(first);
    stop(second);
    CHECK_OK(kill(first, SIGKILL));
    EXPECT_SIGNAL(first, SIGKILL);
    CHECK_OK(kill(second, SIGKILL));
    EXPECT_SIGNAL(second, SIGKILL);
    remove_made_by(first);
    remove_made_by(second);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(removed), 1);
    do_everything(true);
}

int main(void)
{
    started = new_channel();
    id = NEW_SEGMENT(3 * page_size(), 0600);
    removed = NEW_SEGMENT(3 * page_size(), 0600);
    other = NEW_SEGMENT(3 * page_size(), 0600);
    memory = ATTACH(id, NULL, 0);
    kept = ATTACH(removed, NULL, 0);
    REMOVE(removed);
    srandom(1);
    stopped_in(attach_for_ever, true);
    stopped_in(create_for_ever, false);
    CHECK_OK(shmdt(kept));
    CHECK_GONE(removed);
    return 0;
}
