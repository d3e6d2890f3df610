/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Short forms for segments, their fields and their memory, part of harness.h. The first argument of a failing check
 * is printed as written in the test, so the forms that can fail are macros: the line is the test's.
 */
#ifndef SEGMENTS_H
#define SEGMENTS_H

/* Values that older system headers lack. */
#ifndef SHM_EXEC
#define SHM_EXEC 0100000
#endif
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SHM_NORESERVE
#define SHM_NORESERVE 010000
#endif
#ifndef SHM_HUGETLB
#define SHM_HUGETLB 04000
#endif
#ifndef SHM_HUGE_SHIFT
#define SHM_HUGE_SHIFT 26
#endif

static inline size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The address n pages above another. */
static inline char *pages_up(const void *address, long n)
{
    return (char *)(uintptr_t)address + n * (long)page_size();
}

static inline int harness_new_segment(const char *file, int line, size_t size, int flags)
{
    int id = shmget(IPC_PRIVATE, size, flags);
    if (id == -1)
        harness_fail(file, line, "shmget(IPC_PRIVATE, %zu, 0%o): %s", size, (unsigned)flags, strerror(errno));
    return removed_at_end(id);
}

static inline char *harness_attach(const char *file, int line, int id, const void *address, int flags)
{
    void *attached = shmat(id, address, flags);
    if (attached == (void *)-1)
        harness_fail(file, line, "shmat(%d, %p, 0%o): %s", id, address, (unsigned)flags, strerror(errno));
    return attached;
}

static inline struct shmid_ds harness_fields(const char *file, int line, int id)
{
    struct shmid_ds fields;
    if (shmctl(id, IPC_STAT, &fields) == -1)
        harness_fail(file, line, "shmctl(%d, IPC_STAT): %s", id, strerror(errno));
    return fields;
}

/* A new private segment of n bytes with these flags (the mode included), removed at the end of the test. */
#define NEW_SEGMENT(size, flags) harness_new_segment(__FILE__, __LINE__, (size), (flags))
#define ATTACH(id, address, flags) harness_attach(__FILE__, __LINE__, (id), (address), (flags))
#define FIELDS(id) harness_fields(__FILE__, __LINE__, (id))
#define NATTCH(id) ((long)FIELDS(id).shm_nattch)
#define MODE(id) ((int)FIELDS(id).shm_perm.mode)
#define REMOVE(id) CHECK_OK(shmctl((id), IPC_RMID, NULL))
#define CHECK_GONE(id) CHECK_ERRNO(shmctl((id), IPC_STAT, &(struct shmid_ds){0}), EINVAL)

/* Whole seconds of the wall clock. */
static inline time_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

/* Waits until the wall clock shows another second, so that a time that moves can be told from one that does not. */
static inline void next_second(void)
{
    /* The kernel stamps with a clock that lags by up to one tick: wait 20 ms more than the rest of the second. */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct timespec rest = {now.tv_nsec < 980000000 ? 0 : 1, (1020000000 - now.tv_nsec) % 1000000000};
    rest.tv_sec = (1020000000 - now.tv_nsec) / 1000000000;
    while (nanosleep(&rest, &rest) == -1 && errno == EINTR)
        continue;
}

/* The time was stamped at or after `from` (with a second of grace for the kernel's lagging clock) and not after now. */
#define CHECK_STAMPED(time, from)                                                                                      \
    do {                                                                                                               \
        long long harness_time = (time), harness_from = (from), harness_now = seconds_now();                          \
        if (harness_time < harness_from - 1 || harness_time > harness_now)                                             \
            FAIL("%s: got %lld, expected %lld..%lld", #time, harness_time, harness_from - 1, harness_now);             \
    } while (0)

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* A private mapping of n pages, to be replaced or given back by the test. */
static inline char *reserve(long pages, int protection)
{
    void *memory = mmap(NULL, (size_t)pages * page_size(), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

/* An address with n free pages from there. Nothing keeps others from taking them, but a test has one thread. */
static inline char *free_range(long pages)
{
    char *range = reserve(pages + 2, PROT_NONE);
    CHECK_OK(munmap(range, (size_t)(pages + 2) * page_size()));
    return pages_up(range, 1);
}

/* Whether the page at a page-aligned address is mapped. */
static inline bool is_mapped(const void *address)
{
    unsigned char residency;
    return mincore((void *)(uintptr_t)address, page_size(), &residency) == 0;
}

static sigjmp_buf harness_touched;
static volatile sig_atomic_t harness_fault_code;

static inline void harness_on_fault(int number, siginfo_t *information, void *context)
{
    (void)context;
    harness_fault_code = information->si_code;
    siglongjmp(harness_touched, number);
}

/* Loads, or loads and stores back, the byte at the address. Returns 0 or the signal raised; si_code is in *code. */
static inline int touch(const volatile void *address, bool store, int *code)
{
    struct sigaction catch = {.sa_sigaction = harness_on_fault, .sa_flags = SA_SIGINFO}, segv, bus;
    volatile char *byte = (volatile char *)(uintptr_t)address;
    CHECK_OK(sigaction(SIGSEGV, &catch, &segv));
    CHECK_OK(sigaction(SIGBUS, &catch, &bus));
    int number = sigsetjmp(harness_touched, 1);
    if (number == 0) {
        char value = *byte;
        if (store)
            *byte = value;
    }
    CHECK_OK(sigaction(SIGSEGV, &segv, NULL));
    CHECK_OK(sigaction(SIGBUS, &bus, NULL));
    if (code != NULL)
        *code = number == 0 ? 0 : harness_fault_code;
    return number;
}

static inline int load_signal(const void *address)
{
    return touch(address, false, NULL);
}

static inline int store_signal(const void *address)
{
    return touch(address, true, NULL);
}

/* The protection of the mapping at an address as maps shows it ("rw-s"), or "" where nothing is mapped. */
static inline const char *protection_at(const void *address)
{
    static char shown[8];
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    shown[0] = '\0';
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char protection[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, protection) == 3 && from <= (uintptr_t)address &&
            (uintptr_t)address < to)
            strcpy(shown, protection);
    }
    fclose(maps);
    return shown;
}

/* How many descriptors this process has open. */
static inline int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 3; /* ".", ".." and the directory itself */
}

#endif
