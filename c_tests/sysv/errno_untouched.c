/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A call that succeeds leaves errno alone, whatever it had to try. */
#include "harness.h"

#define QUIET(call)                                                                                                    \
    do {                                                                                                               \
        errno = 12345;                                                                                                 \
        if ((long)(call) == -1)                                                                                        \
            FAIL("%s: failed with errno %d", #call, errno);                                                            \
        CHECK_EQ(errno, 12345);                                                                                        \
    } while (0)

static void control(int id)
{
    struct shmid_ds fields;
    QUIET(shmctl(id, IPC_STAT, &fields));
    QUIET(shmctl(id, IPC_SET, &fields));
    QUIET(shmctl(id, SHM_STAT, &fields));
    QUIET(shmctl(id, SHM_STAT_ANY, &fields));
    QUIET(shmctl(0, IPC_INFO, (struct shmid_ds *)&(struct shminfo){0}));
    QUIET(shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0}));
    QUIET(shmctl(id, SHM_LOCK, NULL));
    QUIET(shmctl(id, SHM_UNLOCK, NULL));
}

int main(void)
{
    key_t key = unique_key();
    int id;
    char *memory, *second;
    QUIET(id = shmget(key, 2 * page_size(), IPC_CREAT | 0600));
    QUIET(shmget(key, 0, 0));
    QUIET(removed_at_end(shmget(IPC_PRIVATE, 100, 0600)));
    QUIET(memory = shmat(id, NULL, 0));
    control(id);
    QUIET(second = shmat(id, NULL, SHM_RDONLY));
    QUIET(shmat(id, second, SHM_REMAP));
    QUIET(munmap(pages_up(second, 1), page_size()));
    QUIET(mremap(second, page_size(), page_size(), MREMAP_MAYMOVE));
    QUIET(mmap(second, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    QUIET(shmdt(memory));
    QUIET(memory = shmat(id, NULL, 0));
    QUIET(shmctl(id, IPC_RMID, NULL));
    QUIET(shmdt(memory));
    return 0;
}
