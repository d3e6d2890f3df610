/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The errno of mmap, munmap, mprotect and msync for bad arguments, with an object behind them. */
#include "objects.h"

static size_t page;
static int file;

static void bad_mmap(void)
{
    enum { RW = PROT_READ | PROT_WRITE };
    CHECK_ERRNO(mmap(NULL, 0, RW, MAP_SHARED, file, 0), EINVAL);
    CHECK_ERRNO(mmap(NULL, page, RW, 0, file, 0), EINVAL);
    CHECK_ERRNO(mmap(NULL, page, RW, MAP_SHARED, file, 1), EINVAL);
    CHECK_ERRNO(mmap((void *)0x10001, page, RW, MAP_SHARED | MAP_FIXED, file, 0), EINVAL);
    CHECK_ERRNO(mmap(NULL, page, RW, MAP_SHARED, file, -(off_t)page), EOVERFLOW);
    CHECK_ERRNO(mmap(NULL, 2 * page, RW, MAP_SHARED, file, INT64_MAX - (off_t)page + 1), EOVERFLOW);
    CHECK_ERRNO(mmap(NULL, page, RW, MAP_SHARED, -1, 0), EBADF);
    CHECK_ERRNO(mmap(NULL, page, RW, MAP_SHARED, 100000, 0), EBADF);
    int ends[2], directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_OK(pipe(ends));
    CHECK_ERRNO(mmap(NULL, page, PROT_READ, MAP_SHARED, ends[0], 0), ENODEV);
    CHECK_ERRNO(mmap(NULL, page, PROT_READ, MAP_SHARED, directory, 0), ENODEV);
    CHECK_ERRNO(mmap(NULL, (size_t)1 << 62, RW, MAP_SHARED, file, 0), ENOMEM);
    CHECK_ERRNO(mmap((void *)((uintptr_t)1 << 62), page, RW, MAP_SHARED | MAP_FIXED, file, 0), ENOMEM);
}

static void bad_munmap(void)
{
    char *memory = map_object(file, 2 * page, PROT_READ);
    CHECK_ERRNO(munmap(memory + 1, page), EINVAL);
    CHECK_ERRNO(munmap(memory, 0), EINVAL);
    CHECK_OK(munmap(memory, 1)); /* Rounded up to the page. */
    CHECK(!is_mapped(memory));
    CHECK(is_mapped(memory + page));
    CHECK_OK(munmap(memory, 2 * page)); /* A hole does not matter. */
    CHECK(!is_mapped(memory + page));
    CHECK_OK(munmap(memory, 2 * page));
#ifdef __x86_64__ /* Elsewhere the top byte of an address may be ignored. */
    CHECK_ERRNO(munmap((void *)((uintptr_t)1 << 62), page), EINVAL);
#endif
}

static void bad_mprotect_and_msync(void)
{
    char *memory = map_object(file, 3 * page, PROT_READ | PROT_WRITE);
    CHECK_ERRNO(mprotect(memory + 1, page, PROT_READ), EINVAL);
    CHECK_ERRNO(mprotect(memory, page, 0x100), EINVAL);
    CHECK_OK(mprotect(memory, 0, PROT_READ));
    CHECK_ERRNO(msync(memory + 1, page, MS_SYNC), EINVAL);
    CHECK_ERRNO(msync(memory, page, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_OK(msync(memory, 3 * page, MS_SYNC));
    CHECK_OK(munmap(memory + page, page));
    CHECK_ERRNO(mprotect(memory, 3 * page, PROT_READ), ENOMEM);
    CHECK_ERRNO(msync(memory, 3 * page, MS_ASYNC), ENOMEM);
    CHECK_OK(munmap(memory, 3 * page));
}

static void address_space_limit(void *nothing)
{
    (void)nothing;
    CHECK_OK(setrlimit(RLIMIT_AS, &(struct rlimit){64 << 20, 64 << 20}));
    CHECK_ERRNO(mmap(NULL, 65 << 20, PROT_READ, MAP_SHARED, file, 0), ENOMEM);
}

int main(void)
{
    page = page_size();
    file = new_object(unique_name(), 3 * (off_t)page);
    bad_mmap();
    bad_munmap();
    bad_mprotect_and_msync();
    RUN_CHILD(address_space_limit, NULL);
    return 0;
}
