/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that, as UCX does, overwrites the first instructions of the System V functions, and makes the calls by
 * number from there. Every other call by number arrives with all its arguments. */
#include "harness.h"

#include <dlfcn.h>

static int patched_calls;

static int patched_shmget(key_t key, size_t size, int flags)
{
    patched_calls++;
    return (int)syscall(SYS_shmget, key, size, flags);
}

static void *patched_shmat(int id, const void *address, int flags)
{
    patched_calls++;
    return (void *)syscall(SYS_shmat, id, address, flags);
}

static int patched_shmdt(const void *address)
{
    patched_calls++;
    return (int)syscall(SYS_shmdt, address);
}

static int patched_shmctl(int id, int command, struct shmid_ds *fields)
{
    patched_calls++;
    return (int)syscall(SYS_shmctl, id, command, fields);
}

/* Overwrites the function of this name with a jump. */
static void patch(const char *name, uintptr_t to)
{
    static const size_t page = 4096;
    unsigned char *function = dlsym(RTLD_DEFAULT, name);
    CHECK(function != NULL);
    char *start = (char *)((uintptr_t)function & ~(page - 1));
    CHECK_OK(mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC));
#if defined(__x86_64__)
    static const unsigned char jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *(%rip) */
#elif defined(__aarch64__)
    static const unsigned char jump[] = {0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6}; /* ldr x16, .+8; br x16 */
#else
    static const unsigned char jump[] = {0};
    SKIP("no jump known for this processor");
#endif
    memcpy(function, jump, sizeof jump);
    memcpy(function + sizeof jump, &to, sizeof to);
    __builtin___clear_cache((char *)function, (char *)function + 32);
}

static void other_calls(void)
{
    CHECK_EQ(syscall(SYS_getpid), getpid());
    CHECK(syscall(SYS_close, -1) == -1 && errno == EBADF);
    int file = memfd_create("arguments", 0);
    CHECK_OK(file);
    CHECK_OK(ftruncate(file, 3 * 4096));
    CHECK_EQ(pwrite(file, "sixth", 5, 2 * 4096), 5);
    /* Six arguments besides the number: the last one is on the stack. */
    char *memory = (char *)syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED, file, 2 * 4096);
    CHECK(memory != MAP_FAILED);
    CHECK(memcmp(memory, "sixth", 5) == 0);
    CHECK_OK(munmap(memory, 4096));
    CHECK_OK(close(file));
}

int main(void)
{
    other_calls();
    patch("shmget", (uintptr_t)patched_shmget);
    patch("shmat", (uintptr_t)patched_shmat);
    patch("shmdt", (uintptr_t)patched_shmdt);
    patch("shmctl", (uintptr_t)patched_shmctl);

    struct shmid_ds fields;
    int id = shmget(IPC_PRIVATE, 100, 0600);
    CHECK_OK(id);
    char *memory = shmat(id, NULL, 0);
    CHECK(memory != (void *)-1);
    memory[99] = 'p';
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_nattch, 1);
    CHECK_EQ(fields.shm_segsz, 100);
    CHECK_OK(shmdt(memory));
    errno = 0;
    CHECK(shmdt(memory) == -1 && errno == EINVAL);
    CHECK(shmat(id + 1, NULL, 0) == (void *)-1 && errno == EINVAL);
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_EQ(patched_calls, 7);
    return 0;
}
