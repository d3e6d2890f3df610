/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* No call leaves a descriptor open, and none disturbs the numbers that programs count on. */
#include "harness.h"

static int baseline;

#define SAME_AFTER(call)                                                                                               \
    do {                                                                                                               \
        (void)(call);                                                                                                  \
        CHECK_EQ(open_descriptors(), baseline);                                                                        \
    } while (0)

static void creating_and_attaching(void)
{
    key_t key = unique_key();
    int id;
    char *memory;
    struct shmid_ds fields;
    SAME_AFTER(id = shmget(key, 2 * page_size(), IPC_CREAT | 0600));
    CHECK_OK(id);
    SAME_AFTER(shmget(key, 0, 0));
    SAME_AFTER(shmget(key, 100000, 0));
    SAME_AFTER(shmget(IPC_PRIVATE, 0, 0600));
    SAME_AFTER(shmget(IPC_PRIVATE, (size_t)1 << 50, 0600));
    SAME_AFTER(memory = shmat(id, NULL, 0));
    SAME_AFTER(shmat(id, memory, 0)); /* fails */
    SAME_AFTER(shmat(id, memory, SHM_REMAP | SHM_RDONLY));
    SAME_AFTER(shmctl(id, IPC_STAT, &fields));
    SAME_AFTER(shmctl(id, IPC_SET, &fields));
    SAME_AFTER(shmctl(id, SHM_STAT, &fields));
    SAME_AFTER(shmctl(id, SHM_LOCK, NULL));
    SAME_AFTER(shmctl(id, SHM_UNLOCK, NULL));
    SAME_AFTER(shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0}));
    SAME_AFTER(munmap(pages_up(memory, 1), page_size()));
    SAME_AFTER(shmctl(id, IPC_RMID, NULL));
    SAME_AFTER(shmat(id, NULL, 0));
    SAME_AFTER(shmdt(memory));
    SAME_AFTER(shmdt(memory));
}

/* Daemons close everything they do not know. What is attached stays, and everything goes on working. */
static void close_all(void *argument)
{
    int id = *(int *)argument;
    char *memory = ATTACH(id, NULL, 0);
    for (int descriptor = 3; descriptor < 1024; descriptor++)
        close(descriptor);
    memory[0] = 7;
    CHECK_EQ(NATTCH(id), 3); /* the parent's, the inherited one and this */
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 2);
    memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[0], 7);
    CHECK_EQ(NATTCH(id), 3);
    REMOVE(NEW_SEGMENT(100, 0600));
}

int main(void)
{
    baseline = open_descriptors();
    creating_and_attaching();
    int id = NEW_SEGMENT(100, 0600);
    ATTACH(id, NULL, 0);
    RUN_CHILD(close_all, &id);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
