/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mlockall(MCL_FUTURE) locks every attachment, the first and all later ones, and the limit of locked memory holds for it. */
#include "capabilities.h"
#include "locked.h"

enum { KIB = 1024, SIZE = 4096 * KIB };

/* The most that is locked at once: two attachments, and the library's own few pages, which are locked with the rest. */
enum { OWN = 64, MOST = 2 * SIZE + OWN * KIB };

static int id;

/* Some containers' root may lock without bound and yet not raise the bound. */
static void lock_without_bound(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &all);
    CHECK_OK(mlockall(MCL_FUTURE));
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *probe = mmap(NULL, MOST, PROT_READ, flags, -1, 0);
    if (probe == MAP_FAILED)
        SKIP("locking %d KiB of memory: %s", MOST / KIB, strerror(errno));
    CHECK_OK(munmap(probe, MOST));
}

static bool differs(long got, long right)
{
    return on_kernel() ? got != right : got < right || got > right + OWN;
}

static void check_locked(char *memory, long before)
{
    CHECK(!differs(locked_kib() - before, SIZE / KIB));
    unsigned char residency[SIZE / 4096];
    CHECK_OK(mincore(memory, SIZE, residency));
    for (size_t i = 0; i < SIZE / page_size(); i++)
        CHECK(residency[i] & 1);
}

static void future(void *argument)
{
    int earlier = *(int *)argument;
    for (int i = 0; i < earlier; i++)
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    lock_without_bound();
    for (int i = 0; i < 4; i++) {
        long before = locked_kib();
        char *memory = ATTACH(id, NULL, i == 2 ? SHM_RDONLY : 0);
        check_locked(memory, before);
        CHECK_OK(shmdt(memory));
        CHECK(!differs(locked_kib(), before));
    }
    char *place = reserve(SIZE / (long)page_size(), PROT_NONE);
    long before = locked_kib();
    CHECK(ATTACH(id, place, SHM_REMAP) == place);
    CHECK(locked_kib() >= before);
    CHECK_OK(munlockall());
    before = locked_kib();
    char *memory = ATTACH(id, NULL, 0);
    CHECK(!differs(locked_kib(), before));
    CHECK_OK(shmdt(memory));
}

/* What may not be locked is not attached. */
static void limited(void *nothing)
{
    (void)nothing;
    for (int i = 0; i < 3; i++)
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
    CHECK_OK(shmctl(id, IPC_STAT, &(struct shmid_ds){0}));
    struct rlimit little;
    CHECK_OK(getrlimit(RLIMIT_MEMLOCK, &little));
    little.rlim_cur = 64 * KIB;
    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &little));
    keep_capabilities(0);
    CHECK_OK(mlockall(MCL_FUTURE));
    CHECK_ERRNO(shmat(id, NULL, 0), EAGAIN);
    CHECK_EQ(NATTCH(id), 0);
    CHECK_OK(munlockall());
    CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
}

int main(void)
{
    id = NEW_SEGMENT(SIZE, 0600);
    for (int earlier = 0; earlier < 4; earlier++)
        RUN_CHILD(future, &earlier);
    RUN_CHILD(limited, NULL);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
