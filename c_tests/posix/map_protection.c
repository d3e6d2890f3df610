/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a descriptor's access mode lets mmap and mprotect do. */
#include "objects.h"

#include <sys/statvfs.h>

static void read_only_descriptor(const char *name)
{
    int file = shm_open(name, O_RDONLY, 0);
    CHECK_OK(file);
    CHECK_ERRNO(mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), EACCES);
    CHECK_ERRNO(mmap(NULL, 100, PROT_WRITE, MAP_SHARED, file, 0), EACCES);
    char *memory = map_object(file, 100, PROT_READ);
    CHECK_ERRNO(mprotect(memory, 100, PROT_READ | PROT_WRITE), EACCES);
    int code;
    CHECK_EQ(touch(memory, true, &code), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    char *copy = mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(copy != MAP_FAILED);
    copy[0] = 'c';
    CHECK_EQ(memory[0], 'o');
    CHECK_OK(close(file));
    CHECK_EQ(memory[0], 'o'); /* The mapping stays. */
    CHECK_ERRNO(close(file), EBADF);
    CHECK_ERRNO(close(-1), EBADF);
}

static void write_only_descriptor(const char *name)
{
    int file = shm_open(name, O_WRONLY, 0);
    CHECK_OK(file);
    CHECK_ERRNO(mmap(NULL, 100, PROT_WRITE, MAP_SHARED, file, 0), EACCES);
    CHECK_ERRNO(mmap(NULL, 100, PROT_READ, MAP_SHARED, file, 0), EACCES);
    CHECK_ERRNO(mmap(NULL, 100, PROT_READ, MAP_PRIVATE, file, 0), EACCES);
    CHECK_OK(close(file));
}

static void executable(int file)
{
    struct statvfs where;
    CHECK_OK(fstatvfs(file, &where));
    char *memory = map_object(file, 100, PROT_READ);
    if (where.f_flag & ST_NOEXEC) {
        CHECK_ERRNO(mmap(NULL, 100, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0), EPERM);
        CHECK_ERRNO(mprotect(memory, 100, PROT_READ | PROT_EXEC), EACCES);
    } else {
        map_object(file, 2 * page_size(), PROT_READ | PROT_EXEC); /* Beyond the end too. */
        CHECK_OK(mprotect(memory, 100, PROT_READ | PROT_EXEC));
    }
}

int main(void)
{
    const char *name = unique_name();
    int file = new_object(name, 100);
    CHECK_EQ(write(file, "object", 6), 6);
    read_only_descriptor(name);
    write_only_descriptor(name);
    executable(file);
    return 0;
}
