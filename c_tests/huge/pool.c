/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Segments of huge pages, from a pool that has some (the runner sees to that): what is reserved and refused, how they are
 * mapped, and what of them can be unmapped and moved. With an argument, the pool is empty: only what was made without a
 * reservation is there, and the first touch of it is a SIGBUS.
 */
#include "harness.h"
#include "users.h"

#define HUGE ((size_t)2 << 20)
#define LOG2_SIZE(log2) ((int)((unsigned)(log2) << SHM_HUGE_SHIFT))

static long pool(const char *name)
{
    char line[256], format[64];
    long number = -1;
    FILE *file = fopen("/proc/meminfo", "re");
    CHECK(file != NULL);
    snprintf(format, sizeof format, "%s: %%ld", name);
    while (number == -1 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, format, &number);
    fclose(file);
    return number;
}

/* Pages that nobody has and nobody was promised. */
static long available(void)
{
    return pool("HugePages_Free") - pool("HugePages_Rsvd");
}

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
    siglongjmp(after_fault, signal);
}

/* The signal that a store raises, 0 for none. */
static int fault_of(char *at)
{
    struct sigaction action = {.sa_handler = on_fault};
    sigaction(SIGBUS, &action, NULL);
    int signal = sigsetjmp(after_fault, 1);
    if (signal == 0)
        *(volatile char *)at = 1;
    return signal;
}

static void reserved_when_made(void)
{
    long before = available();
    int id = NEW_SEGMENT(100, SHM_HUGETLB | 0600);
    CHECK_EQ(available(), before - 1);
    CHECK_EQ(FIELDS(id).shm_segsz, 100);
    CHECK_EQ(MODE(id), 0600);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ((uintptr_t)memory % HUGE, 0);
    CHECK_EQ(memory[0], 0);
    memory[HUGE - 1] = 'x';
    CHECK_EQ(available(), before - 1);
    CHECK_OK(shmdt(memory));
    memory = ATTACH(id, NULL, SHM_RDONLY);
    CHECK_EQ(memory[HUGE - 1], 'x');
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    CHECK_EQ(available(), before);
}

static void refused_beyond_the_pool(void)
{
    long pages = available();
    key_t key = unique_key();
    CHECK_ERRNO(shmget(key, (pages + 1) * HUGE, SHM_HUGETLB | IPC_CREAT | 0600), ENOMEM);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    int all = NEW_SEGMENT(pages * HUGE, SHM_HUGETLB | LOG2_SIZE(21) | 0600);
    CHECK_ERRNO(shmget(key, 100, SHM_HUGETLB | IPC_CREAT | 0600), ENOMEM);
    int later = NEW_SEGMENT(100, SHM_HUGETLB | SHM_NORESERVE | 0600);
    char *memory = ATTACH(later, NULL, 0);
    CHECK_EQ(fault_of(memory), SIGBUS);
    REMOVE(all);
    CHECK_EQ(fault_of(memory), 0);
    REMOVE(later);
    CHECK_EQ(available(), pages - 1);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(available(), pages);
}

/* A key finds it whatever the flags say, and the size that counts is the one that was asked for. */
static void found_by_key(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, SHM_HUGETLB | IPC_CREAT | 0600);
    CHECK_OK(id);
    CHECK_EQ(shmget(key, 100, 0), id);
    CHECK_EQ(shmget(key, 100, SHM_HUGETLB | LOG2_SIZE(63)), id);
    CHECK_ERRNO(shmget(key, 101, 0), EINVAL);
}

static void only_whole_pages_go(void)
{
    int id = NEW_SEGMENT(2 * HUGE, SHM_HUGETLB | 0600), ordinary = NEW_SEGMENT(page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(memory));
    char *place = memory; /* Free, and aligned. */
    CHECK_ERRNO(shmat(id, place + page_size(), 0), EINVAL);
    CHECK_ERRNO(shmat(id, place + page_size(), SHM_RND), EINVAL);
    memory = ATTACH(id, place, 0);
    CHECK(memory == place);
    CHECK_ERRNO(shmat(id, place, 0), EINVAL);
    CHECK_ERRNO(shmat(ordinary, place + page_size(), SHM_REMAP), EINVAL);
    CHECK_ERRNO(munmap(place, page_size()), EINVAL);
    CHECK_ERRNO(munmap(place + page_size(), HUGE), EINVAL);
    CHECK(mremap(place, 0, HUGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL);
    CHECK(mremap(place, 2 * HUGE, 4 * HUGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(ordinary), 0);
    /* Rounded up to what it is: nothing goes. */
    CHECK(mremap(place, 2 * HUGE, HUGE + page_size(), 0) == place);
    memory[2 * HUGE - 1] = 'x';
    CHECK_OK(munmap(place, HUGE));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(memory[2 * HUGE - 1], 'x');
    CHECK_OK(shmdt(place));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_ERRNO(shmdt(place), EINVAL);
}

static void moved_whole(void)
{
    int id = NEW_SEGMENT(HUGE, SHM_HUGETLB | 0600);
    char *other = ATTACH(id, NULL, 0), *memory = ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(other));
    memory[0] = 'm';
    CHECK(mremap(memory, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, other) == other);
    CHECK_EQ(other[0], 'm');
    CHECK_EQ(NATTCH(id), 1);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    CHECK_OK(shmdt(other));
    CHECK_EQ(NATTCH(id), 0);
}

static void child_reads(void *memory)
{
    CHECK_EQ(*(char *)memory, 'p');
    ((char *)memory)[1] = 'c';
}

static void shared_with_a_child_and_locked(void)
{
    int id = NEW_SEGMENT(100, SHM_HUGETLB | 0600);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'p';
    RUN_CHILD(child_reads, memory);
    CHECK_EQ(memory[1], 'c');
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmctl(id, SHM_LOCK, NULL)); /* Such pages are never swapped: the mode does not show it. */
    CHECK_EQ(MODE(id), 0600);
    REMOVE(id);
    CHECK_EQ(MODE(id), 0600 | 01000);
    char *again = ATTACH(id, NULL, 0);
    CHECK_EQ(again[1], 'c');
    CHECK_OK(shmdt(again));
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
}

static void as_user(void *id)
{
    become_user(1001, 1001);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), EPERM);
    CHECK_ERRNO(shmat(*(int *)id, NULL, 0), EACCES);
    ATTACH(*(int *)id, NULL, SHM_RDONLY);
}

static void read_by_others(void)
{
    int id = NEW_SEGMENT(100, SHM_HUGETLB | 0644);
    RUN_CHILD(as_user, &id);
    CHECK_OK(shmctl(id, IPC_SET, &(struct shmid_ds){.shm_perm.mode = 0600}));
    CHECK_EQ(MODE(id), 0600);
}

static void from_an_empty_pool(void)
{
    CHECK_EQ(available(), 0);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), ENOMEM);
    int id = NEW_SEGMENT(3 * HUGE, SHM_HUGETLB | SHM_NORESERVE | 0600);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(fault_of(memory), SIGBUS);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    CHECK_GONE(id);
}

int main(int count, char **arguments)
{
    (void)arguments;
    share_namespace();
    CHECK_EQ(pool("Hugepagesize"), HUGE >> 10);
    if (count > 1) {
        from_an_empty_pool();
        return 0;
    }
    CHECK(available() >= 4);
    reserved_when_made();
    refused_beyond_the_pool();
    found_by_key();
    only_whole_pages_go();
    moved_whole();
    shared_with_a_child_and_locked();
    read_by_others();
    return 0;
}
