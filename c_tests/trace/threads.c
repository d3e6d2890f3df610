/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that record all at once. Usage: threads THREADS CALLS */
#include "truth.h"

static int calls;

static void *worker(void *arg)
{
    for (int i = 0; i < calls; i++) {
        errno = UNTOUCHED;
        /* The address tells thread and call. */
        CHECK(shmdt((void *)((uintptr_t)arg << 32 | (uintptr_t)i << 1 | 1)) == -1 && errno == EINVAL);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    int count = atoi(argv[1]);
    calls = atoi(argv[2]);
    pthread_t threads[64];
    CHECK(count <= 64);
    for (uintptr_t i = 0; i < (uintptr_t)count; i++)
        CHECK(pthread_create(&threads[i], NULL, worker, (void *)(i + 1)) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}
