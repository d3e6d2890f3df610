/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread cancelled inside a forwarded call still runs its clean-up handlers, those of inner frames first. */
#include "truth.h"

static int cleaned;
static int opening[2];

static void clean(void *arg) { cleaned = cleaned * 10 + *(int *)arg; }

__attribute__((noinline)) static void inner(const char *fifo)
{
    int two = 2;
    pthread_cleanup_push(clean, &two);
    CHECK(write(opening[1], "x", 1) == 1);
    open(fifo, O_RDONLY); /* Waits for a writer that never comes. */
    pthread_cleanup_pop(0);
}

static void *worker(void *fifo)
{
    int one = 1;
    pthread_cleanup_push(clean, &one);
    inner(fifo);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    alarm(20);
    CHECK(pipe(opening) == 0 && mkfifo(argv[1], 0600) == 0);
    pthread_t thread;
    void *result;
    char byte;
    CHECK(pthread_create(&thread, NULL, worker, argv[1]) == 0);
    CHECK(read(opening[0], &byte, 1) == 1 && pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && cleaned == 21);
    return 0;
}
