/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A child made by the clone system call itself, of which no fork handler knows: whichever call is its first, its
 * attachments are its own. Its memory stays whatever its parent and others do, also if it never makes a call.
 */
#include "harness.h"

#include <pthread.h>

enum { PAGES = 3 };

static int id, own;
static char *memory;
static struct channel called, go;

static pid_t raw_clone(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    CHECK_OK(child);
    return child;
}

/* Children of the raw clone fail by status: they have the parent's buffers. */
static void must(bool right, int code)
{
    if (!right)
        _exit(code);
}

static long count(void)
{
    struct shmid_ds fields;
    return shmctl(id, IPC_STAT, &fields) == 0 ? (long)fields.shm_nattch : -errno;
}

/* The first calls: each says how many attachments of the segment the child has after it. */
static int first_stat(void)
{
    must(count() == 2, 10);
    return 1;
}

static int first_shmdt(void)
{
    must(shmdt(memory) == 0, 11);
    must(shmdt(memory) == -1 && errno == EINVAL, 12);
    return 0;
}

static int first_shmat(void)
{
    must(shmat(id, NULL, 0) != (void *)-1, 13);
    return 2;
}

static int first_munmap(void)
{
    must(munmap(memory, PAGES * page_size()) == 0, 14);
    must(shmdt(memory) == -1 && errno == EINVAL, 15);
    return 0;
}

/* A piece: the rest is attached still. */
static int first_munmap_part(void)
{
    must(munmap(memory, page_size()) == 0, 16);
    return 1;
}

static int first_mremap(void)
{
    char *second = mremap(memory, 0, PAGES * page_size(), MREMAP_MAYMOVE);
    must(second != MAP_FAILED, 17);
    must(shmdt(second) == 0, 18);
    return 1;
}

static int first_mmap(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    must(mmap(memory, PAGES * page_size(), PROT_READ, flags, -1, 0) == memory, 19);
    return 0;
}

static int first_lookup(void)
{
    must(shmget(IPC_PRIVATE, 0, 0600) == -1 && errno == EINVAL, 20);
    return 1;
}

static int first_info(void)
{
    struct shm_info info;
    must(shmctl(0, SHM_INFO, (struct shmid_ds *)&info) != -1 && info.used_ids >= 1, 21);
    return 1;
}

static int first_remove(void)
{
    must(shmctl(own, IPC_RMID, NULL) == 0, 22);
    return 1;
}

static int first_create(void)
{
    int new = shmget(IPC_PRIVATE, 100, 0600);
    must(new != -1 && shmctl(new, IPC_RMID, NULL) == 0, 23);
    return 1;
}

static int first_set(void)
{
    struct shmid_ds fields = {.shm_perm = {.uid = geteuid(), .gid = getegid(), .mode = 0640}};
    must(shmctl(id, IPC_SET, &fields) == 0, 24);
    return 1;
}

/* An ordinary fork by the raw clone: its child counts too, until it has ended. */
static int first_fork(void)
{
    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(count() == 3 ? 0 : 1);
    int status = -1;
    must(waitpid(grandchild, &status, 0) == grandchild && status == 0, 25);
    return 1;
}

/* A raw clone's raw clone. */
static int first_clone(void)
{
    pid_t grandchild = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (grandchild == 0)
        _exit(shmdt(memory) == 0 && shmat(id, NULL, 0) != (void *)-1 ? 0 : 1);
    int status = -1;
    must(waitpid(grandchild, &status, 0) == grandchild && status == 0, 26);
    return 1;
}

static int (*const first_calls[])(void) = {first_stat,  first_shmdt, first_shmat,  first_munmap, first_munmap_part,
                                           first_mremap, first_mmap, first_lookup, first_info,   first_remove,
                                           first_create, first_set,  first_fork,   first_clone};

static void check_first_call(int number)
{
    own = NEW_SEGMENT(100, 0600);
    pid_t child = raw_clone();
    if (child == 0) {
        int attached = first_calls[number]();
        must(count() == 1 + attached, 30);
        put_number(called, attached);
        get_number(go);
        _exit(0);
    }
    int status;
    struct pollfd answer = {.fd = called.read_end, .events = POLLIN};
    while (poll(&answer, 1, 10) == 0)
        if (waitpid(child, &status, WNOHANG) == child)
            FAIL("first call %d: wait status 0x%x", number, (unsigned)status);
    long attached = get_number(called);
    CHECK_EQ(NATTCH(id), 1 + attached);
    memory[0] = 'p'; /* Whatever the child unmapped is attached here. */
    put_number(go, 0);
    EXPECT_EXIT(child, 0);
    CHECK_EQ(NATTCH(id), 1);
    shmctl(own, IPC_RMID, NULL);
}

/* It makes no call at all: what it has mapped is left alone when everybody who counts has gone. */
static void check_memory_stays(int earlier)
{
    int removed = NEW_SEGMENT(PAGES * page_size(), 0600);
    for (int i = 0; i < earlier; i++)
        CHECK_OK(shmdt(ATTACH(removed, NULL, 0)));
    char *volatile kept = ATTACH(removed, NULL, 0);
    kept[0] = 'k';
    pid_t child = raw_clone();
    if (child == 0) {
        get_number(go);
        must(kept[0] == 'k', 31);
        kept[PAGES * page_size() - 1] = 'e';
        _exit(0);
    }
    CHECK_OK(shmdt(kept));
    REMOVE(removed);
    for (int i = 0; i < 3; i++) { /* Room that would be taken again. */
        int next = NEW_SEGMENT(PAGES * page_size(), 0600);
        memset(ATTACH(next, NULL, 0), 'n', PAGES * page_size());
        REMOVE(next);
    }
    put_number(go, 0);
    EXPECT_EXIT(child, 0);
}

static atomic_bool stop;

static void *attach_for_ever(void *nothing)
{
    while (!stop)
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    return nothing;
}

/* The copy is of a moment in which another thread was under way: what the child has is what the kernel says. */
static void check_in_threads(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, attach_for_ever, NULL), 0);
    for (int i = 0; i < 150; i++) {
        pid_t child = raw_clone();
        if (child == 0) {
            must(shmdt(memory) == 0, 32);
            must(shmdt(memory) == -1, 33);
            must(shmat(id, NULL, 0) != (void *)-1, 34);
            must(count() >= 2, 35);
            _exit(0);
        }
        EXPECT_EXIT(child, 0);
    }
    stop = true;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(NATTCH(id), 1);
}

int main(void)
{
    called = new_channel();
    go = new_channel();
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    memory = ATTACH(id, NULL, 0);
    for (int i = 0; i < (int)(sizeof first_calls / sizeof *first_calls); i++)
        check_first_call(i);
    for (int earlier = 0; earlier < 4; earlier++)
        check_memory_stays(earlier);
    check_in_threads();
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
