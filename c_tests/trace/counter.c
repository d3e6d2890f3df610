/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts its calls in a file that the test maps too, each after it returned, until it is killed: a record of every
 * counted call must be there. Usage: counter FILE THREADS */
#include "truth.h"

static _Atomic uint64_t *counters;

static void *worker(void *arg)
{
    uintptr_t index = (uintptr_t)arg;
    for (uint64_t i = 0;; i++) {
        shmdt((void *)((index + 1) << 40 | i << 1 | 1));
        atomic_store(&counters[index], i + 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    alarm(60);
    int fd = open(argv[1], O_RDWR);
    counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(counters != MAP_FAILED);
    pthread_t thread;
    for (uintptr_t i = 1; i < (uintptr_t)atoi(argv[2]); i++)
        CHECK(pthread_create(&thread, NULL, worker, (void *)i) == 0);
    worker(NULL);
}
