/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Libraries make the same calls in their fork handlers, before, in between and after what the implementation itself does
 * there, and hold their own locks around their calls: the calls succeed, nobody waits for ever, and both processes'
 * attachments are counted as the kernel has them mapped.
 */
#include "mappings.h"

#include <pthread.h>

enum { EARLY, LATE, LIBRARIES };
enum { PREPARE, PARENT, CHILD, PLACES };
enum { PAGES = 3, SEGMENTS = 3, FORKS = 100 };

static int id[SEGMENTS];
static struct mapped_file file[SEGMENTS];
static char *memory[SEGMENTS];
static pthread_mutex_t lock[LIBRARIES] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

/* What to do in which handler of which library. */
static void (*act)(void);
static int library, place;
static bool locks;
static int made = -1; /* And removed, in the handler. */

static void at(int which, int where)
{
    if (where == PREPARE && locks)
        pthread_mutex_lock(&lock[which]);
    if (act != NULL && which == library && where == place)
        act();
    if (where != PREPARE && locks)
        pthread_mutex_unlock(&lock[which]);
}

static void early_prepare(void)
{
    at(EARLY, PREPARE);
}

static void early_parent(void)
{
    at(EARLY, PARENT);
}

static void early_child(void)
{
    at(EARLY, CHILD);
}

static void late_prepare(void)
{
    at(LATE, PREPARE);
}

static void late_parent(void)
{
    at(LATE, PARENT);
}

static void late_child(void)
{
    at(LATE, CHILD);
}

/* Before the constructors of every object, of a preloaded one too; where that is not to be had, before the first call. */
static void register_early(void)
{
    static bool done;
    if (!done)
        pthread_atfork(early_prepare, early_parent, early_child);
    done = true;
}

__attribute__((section(".preinit_array"), used)) static void (*const before_all)(void) = register_early;

/* ---- What handlers do --------------------------------------------------------------------------------------------- */

static void attach_and_detach(void)
{
    CHECK_OK(shmdt(ATTACH(id[1], NULL, 0)));
    CHECK_OK(shmdt(ATTACH(id[0], NULL, SHM_RDONLY)));
}

static void attach(void)
{
    ATTACH(id[1], NULL, 0);
}

static void detach(void)
{
    CHECK_OK(shmdt(memory[2]));
    CHECK_ERRNO(shmdt(memory[2]), EINVAL);
}

static void unmap(void)
{
    CHECK_OK(munmap(memory[2], PAGES * page_size()));
}

static void move(void)
{
    char *to = free_range(PAGES);
    size_t length = PAGES * page_size();
    CHECK(mremap(memory[2], length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
}

static void look(void)
{
    for (int i = 0; i < SEGMENTS; i++)
        CHECK(NATTCH(id[i]) >= 1);
}

static void create_and_remove(void)
{
    int new = NEW_SEGMENT(100, 0600);
    CHECK_OK(shmdt(ATTACH(new, NULL, 0)));
    REMOVE(new);
    made = new;
}

#ifdef __GLIBC__ /* musl holds a lock over the handlers. */
static void fork_again(void)
{
    void (*once)(void) = act;
    act = NULL;
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0)
        _exit(shmdt(memory[0]) == 0 ? 0 : 1);
    EXPECT_EXIT(child, 0);
    act = once;
}
#endif

static void (*const actions[])(void) = {attach_and_detach, attach, detach,           unmap,
                                        move,              look,   create_and_remove,
#ifdef __GLIBC__
                                        fork_again,
#endif
};

/* ---- Counting ------------------------------------------------------------------------------------------------------ */

static void check_counts(pid_t other)
{
    for (int i = 0; i < SEGMENTS; i++) {
        long right = mapped_in(getpid(), file[i]).count + (other == 0 ? 0 : mapped_in(other, file[i]).count);
        long shown = NATTCH(id[i]);
        if (shown != right)
            FAIL("library %d, handler %d, segment %d: nattch %ld, %ld mapped", library, place, i, shown, right);
    }
}

static void attach_all(void)
{
    for (int i = 0; i < SEGMENTS; i++)
        memory[i] = ATTACH(id[i], NULL, 0);
}

static void one_fork(void *argument)
{
    int action = (int)((void (**)(void))argument - (void (**)(void))(uintptr_t)actions);
    struct channel start = new_channel(), ready = new_channel(), go = new_channel();
    attach_all();
    act = *(void (**)(void))argument;
    pid_t child = fork();
    act = NULL;
    CHECK_OK(child);
    if (child == 0) {
        get_number(start); /* The parent's handlers are through. */
        attach_and_detach();
        put_number(ready, NATTCH(id[0]));
        get_number(go);
        _exit(0);
    }
    put_number(start, 0);
    long seen = get_number(ready);
    if (seen != 2)
        FAIL("library %d, handler %d, action %d: the child sees nattch %ld", library, place, action, seen);
    check_counts(child);
    CHECK_GONE(made);
    put_number(go, 0);
    EXPECT_EXIT(child, 0);
    check_counts(0);
}

static void *use_with_locks(void *stop)
{
    while (!*(atomic_bool *)stop)
        for (int which = 0; which < LIBRARIES; which++) {
            pthread_mutex_lock(&lock[which]);
            attach_and_detach();
            pthread_mutex_unlock(&lock[which]);
        }
    return NULL;
}

/* Each thread's lock is taken in prepare: an implementation with a lock across that would wait for ever. */
static void fork_with_locks(void *nothing)
{
    (void)nothing;
    atomic_bool stop = false;
    pthread_t threads[2];
    attach_all();
    locks = true;
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_with_locks, &stop), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        CHECK_OK(child);
        if (child == 0)
            _exit(shmdt(memory[0]) == 0 ? 0 : 1);
        EXPECT_EXIT(child, 0);
    }
    stop = true;
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    check_counts(0);
}

int main(void)
{
    register_early();
    for (int i = 0; i < SEGMENTS; i++) {
        id[i] = NEW_SEGMENT(PAGES * page_size(), 0600);
        memory[i] = ATTACH(id[i], NULL, 0);
        file[i] = file_at(memory[i]);
    }
    CHECK_EQ(pthread_atfork(late_prepare, late_parent, late_child), 0);
    for (int i = 0; i < SEGMENTS; i++) /* Each test has its own process, and this one nothing attached. */
        CHECK_OK(shmdt(memory[i]));
    for (library = 0; library < LIBRARIES; library++)
        for (place = 0; place < PLACES; place++)
            for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
                RUN_CHILD(one_fork, (void *)(uintptr_t)&actions[i]);
    RUN_CHILD(fork_with_locks, NULL);
    for (int i = 0; i < SEGMENTS; i++)
        CHECK_EQ(NATTCH(id[i]), 0);
    return 0;
}
