/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process whose main thread has ended: much of what /proc tells of the process is empty then. The other threads' calls, and
 * their children's, are as before, and so are the counts that others see.
 */
#include "mappings.h"

#include <pthread.h>

static int id;
static struct mapped_file file;
static struct channel ready, go;

static long mapped_here(void)
{
    struct search search = {.file = file};
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/maps", (int)gettid());
    each_mapping_in(path, count_one, &search);
    return search.count;
}

#ifdef __BIONIC__ /* It cannot cancel threads. */
static void cancelled(void)
{
}
#else
enum { CANCELLED = 4, ROUNDS = 4 };

static atomic_int at_work;

static void *attach_for_ever(void *nothing)
{
    int before;
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before), 0);
    atomic_fetch_add(&at_work, 1);
    for (;;)
        shmdt(shmat(id, NULL, 0));
    return nothing;
}

static void cancelled(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[CANCELLED];
        at_work = 0;
        for (int i = 0; i < CANCELLED; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, attach_for_ever, NULL), 0);
        while (at_work < CANCELLED)
            sched_yield();
        for (int i = 0; i < CANCELLED; i++) {
            CHECK_EQ(pthread_cancel(threads[i]), 0);
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
        }
        CHECK_EQ(NATTCH(id), mapped_here());
    }
}
#endif

static void child(void *nothing)
{
    (void)nothing;
    long mapped = mapped_here();
    CHECK_EQ(NATTCH(id), 2 * mapped);
}

static void *calls(void *main_thread)
{
    CHECK_EQ(pthread_join(*(pthread_t *)main_thread, NULL), 0);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(munmap(memory + page_size(), page_size()));
    CHECK_EQ(NATTCH(id), 3);
    CHECK_OK(shmdt(memory));
    cancelled();
    RUN_CHILD(child, NULL);
    struct shmid_ds fields = FIELDS(id);
    fields.shm_perm.mode = 0644;
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    int other = shmget(IPC_PRIVATE, 3 * page_size(), 0600);
    CHECK_OK(other);
    char *second = ATTACH(other, NULL, SHM_RDONLY);
    REMOVE(other);
    CHECK_EQ(NATTCH(other), 1);
    CHECK_OK(shmdt(second));
    CHECK_GONE(other);
    put_number(ready, mapped_here());
    get_number(go);
    _exit(PASSED);
}

static void main_ends(void *nothing)
{
    static pthread_t main_thread;
    pthread_t thread;
    (void)nothing;
    main_thread = pthread_self();
    file = file_at(ATTACH(id, NULL, 0));
    CHECK_EQ(pthread_create(&thread, NULL, calls, &main_thread), 0);
    pthread_exit(NULL);
}

int main(void)
{
    id = NEW_SEGMENT(3 * page_size(), 0600);
    ready = new_channel();
    go = new_channel();
    pid_t process = start_child(main_ends, NULL);
    long mapped = get_number(ready);
    CHECK_EQ(NATTCH(id), mapped);
    put_number(go, 0);
    EXPECT_EXIT(process, PASSED);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
