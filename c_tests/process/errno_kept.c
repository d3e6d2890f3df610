/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* errno is the caller's: a call that succeeds leaves it alone, be it the first of the process or a later one. */
#include "harness.h"

#define KEEPS(call)                                                                                                    \
    do {                                                                                                               \
        errno = EXDEV;                                                                                                 \
        CHECK((long)(call) != -1);                                                                                     \
        CHECK_EQ(errno, EXDEV);                                                                                        \
    } while (0)

static void all_calls(void *nothing)
{
    (void)nothing;
    struct shmid_ds fields;
    struct shminfo limits;
    struct shm_info usage;
    char *memory, *second;
    int id, file;
    key_t key = unique_key();
    const char *name = unique_name();
    KEEPS(id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600));
    KEEPS(shmget(key, 100, IPC_CREAT | 0600));
    KEEPS(memory = shmat(id, NULL, 0));
    KEEPS(second = shmat(id, NULL, SHM_RDONLY));
    KEEPS(shmctl(id, IPC_STAT, &fields));
    KEEPS(shmctl(id, IPC_SET, &fields));
    KEEPS(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits));
    KEEPS(shmctl(0, SHM_INFO, (struct shmid_ds *)&usage));
    KEEPS(shmctl(id & 0x7fff, SHM_STAT, &fields));
    KEEPS(mprotect(second, 100, PROT_NONE));
    KEEPS(munmap(second, 100));
    KEEPS(shmdt(memory));
    KEEPS(shmctl(id, IPC_RMID, NULL));
    KEEPS(file = shm_open(name, O_CREAT | O_RDWR, 0600));
    KEEPS(ftruncate(file, 100));
    KEEPS(memory = mmap(NULL, 100, PROT_READ, MAP_SHARED, file, 0));
    KEEPS(memory = mremap(memory, 100, 2 * page_size(), MREMAP_MAYMOVE));
    KEEPS(munmap(memory, 2 * page_size()));
    KEEPS(close(file));
    KEEPS(shm_unlink(name));
}

static void after_fork(void *argument)
{
    errno = EXDEV;
    pid_t child = fork();
    if (child == 0)
        _exit(errno == EXDEV ? 0 : 1);
    CHECK_EQ(errno, EXDEV);
    EXPECT_EXIT(child, 0);
    all_calls(argument);
}

int main(void)
{
    all_calls(NULL);
    all_calls(NULL);
    RUN_CHILD(all_calls, NULL);
    int id = NEW_SEGMENT(100, 0600);
    ATTACH(id, NULL, 0);
    RUN_CHILD(after_fork, NULL);
    after_fork(NULL);
    return 0;
}
