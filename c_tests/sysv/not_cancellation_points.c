/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* None of the calls acts on a pending cancellation. */
#include "harness.h"

#include <pthread.h>

static int id;
static bool got_through;

static void *all_calls(void *unused)
{
    struct shmid_ds fields;
    (void)unused;
    pthread_cancel(pthread_self()); /* Acted on at the next cancellation point. */
    key_t key = unique_key();
    int other = shmget(key, page_size(), IPC_CREAT | 0600);
    char *memory = shmat(other, NULL, 0);
    *memory = 1;
    shmctl(other, IPC_STAT, &fields);
    shmctl(other, IPC_SET, &fields);
    shmctl(other, SHM_STAT, &fields);
    shmctl(0, IPC_INFO, (struct shmid_ds *)&(struct shminfo){0});
    shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0});
    shmctl(other, SHM_LOCK, NULL);
    shmctl(other, SHM_UNLOCK, NULL);
    shmget(key, 0, 0);
    memory = mremap(memory, page_size(), 2 * page_size(), MREMAP_MAYMOVE);
    mprotect(memory, page_size(), PROT_READ);
    munmap(pages_up(memory, 1), page_size());
    shmdt(memory);
    shmat(id, NULL, SHM_RDONLY);
    shmctl(other, IPC_RMID, NULL);
    shmat(other, NULL, 0); /* fails */
    ftok("/", 1);
    got_through = true;
    pthread_testcancel();
    got_through = false;
    return NULL;
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    pthread_t thread;
    void *result;
    CHECK_EQ(pthread_create(&thread, NULL, all_calls, NULL), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(got_through);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQ(NATTCH(id), 1); /* An attachment is the process's: it outlives the thread. */
    return 0;
}
