/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions found by a handle of the C library, as interpreters find them, and the calls made by number. */
#include "harness.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#define FOUND(handle, name) ((__typeof__(&name))dlsym(handle, #name))

int main(void)
{
    struct shmid_ds fields;
    void *library = dlopen("libc.so.6", RTLD_NOW);
    if (library == NULL)
        FAIL("%s", dlerror());
    int id = FOUND(library, shmget)(IPC_PRIVATE, 4096, 0600);
    CHECK(id >= 0);
    char *memory = FOUND(library, shmat)(id, NULL, 0);
    CHECK(memory != (char *)-1);
    memory[4095] = 'x';
    CHECK_OK(FOUND(library, shmctl)(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_nattch, 1);
    /* To unmap is to detach, by a handle and by number. */
    CHECK_OK(FOUND(library, munmap)(memory, 4096));
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_nattch, 0);
    memory = (char *)FOUND(library, syscall)(SYS_shmat, id, NULL, 0);
    CHECK(memory != (char *)-1 && memory[4095] == 'x');
    CHECK_OK(syscall(SYS_munmap, memory, 4096));
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_nattch, 0);
    CHECK_OK(FOUND(library, shmctl)(id, IPC_RMID, NULL));
    /* A failure is the caller's errno, and a success leaves no error of the finder behind. */
    errno = 0;
    CHECK_EQ(FOUND(library, shmctl)(id, IPC_RMID, NULL), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK(dlerror() == NULL);
    CHECK(dlsym(library, "there_is_no_such_function") == NULL && dlerror() != NULL);
    /* The last of six arguments by number. */
    char *page = (char *)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    CHECK(page != (char *)-1 && page[4095] == 0);
    CHECK_OK(syscall(SYS_munmap, page, 4096));
    return 0;
}
