/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The size of an object and which of its mapped pages may be touched. */
#include "objects.h"

static void empty_object(void)
{
    int file = new_object(unique_name(), 0);
    char *memory = map_object(file, page_size(), PROT_READ | PROT_WRITE);
    CHECK_EQ(load_signal(memory), SIGBUS);
    CHECK_OK(ftruncate(file, 1));
    CHECK_EQ(store_signal(memory), 0);
    CHECK_EQ(store_signal(memory + page_size() - 1), 0); /* The rest of the last page, zero. */
    CHECK_EQ(memory[page_size() - 1], 0);
}

static void growing_and_shrinking(void)
{
    size_t page = page_size();
    int file = new_object(unique_name(), 100);
    char *memory = map_object(file, 4 * page, PROT_READ | PROT_WRITE);
    CHECK_EQ(load_signal(memory + page), SIGBUS);
    CHECK_OK(ftruncate(file, 3 * (off_t)page));
    CHECK_EQ(load_signal(memory + 2 * page), 0);
    CHECK_EQ(load_signal(memory + 3 * page), SIGBUS);
    CHECK_EQ(pwrite(file, "w", 1, 3 * (off_t)page), 1); /* Writing past the end grows it too. */
    CHECK_EQ(memory[3 * page], 'w');
    CHECK_EQ(memory[3 * page + 1], 0);

    memset(memory, 'm', 3 * page);
    CHECK_OK(ftruncate(file, 10));
    CHECK_EQ(load_signal(memory + page), SIGBUS);
    CHECK_EQ(memory[9], 'm');
    CHECK_OK(ftruncate(file, 2 * (off_t)page));
    CHECK_EQ(memory[9], 'm');
    CHECK_EQ(memory[10], 0); /* What was cut off does not come back, nor within the page. */
    CHECK_EQ(memory[page - 1], 0);
    CHECK_EQ(memory[page], 0);
}

static void limits(void)
{
    const char *name = unique_name();
    int file = new_object(name, 10);
    CHECK_ERRNO(ftruncate(file, -1), EINVAL);
    CHECK_OK(ftruncate(file, (off_t)1 << 62));
    CHECK_OK(ftruncate(file, INT64_MAX));
    CHECK_EQ(object_status(file).st_size, INT64_MAX);
    int reader = shm_open(name, O_RDONLY, 0), place = shm_open(name, O_PATH, 0), ends[2];
    CHECK_OK(pipe(ends));
    CHECK_ERRNO(ftruncate(reader, 5), EINVAL);
    CHECK_ERRNO(ftruncate(ends[1], 5), EINVAL);
    CHECK_ERRNO(ftruncate(place, 5), EBADF);
    CHECK_OK(close(reader));
    CHECK_ERRNO(ftruncate(reader, 5), EBADF);
}

int main(void)
{
    empty_object();
    growing_and_shrinking();
    limits();
    return 0;
}
