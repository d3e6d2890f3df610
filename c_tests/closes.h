/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread that closes descriptors which it did not open, and opens a file that gets their numbers, until `done`. */
#ifndef CLOSES_H
#define CLOSES_H

#include "harness.h"

#include <pthread.h>

enum { FIRST_CLOSED = 20, LAST_CLOSED = 30 };

static atomic_bool done;

static void *close_and_open(void *path)
{
    enum { FILES = 6 };
    int file[FILES];
    while (!done) {
        for (int number = FIRST_CLOSED; number < LAST_CLOSED; number++)
            close(number);
        for (int i = 0; i < FILES; i++)
            file[i] = open(path, O_RDWR);
        for (int i = 0; i < FILES; i++)
            close(file[i]);
    }
    return NULL;
}

/* Starts it. The next descriptors that others open are those that it closes. */
static pthread_t start_closing(const char *path)
{
    pthread_t thread;
    for (int number = 0; number < FIRST_CLOSED - 1;) {
        number = dup(0);
        CHECK_OK(number);
    }
    CHECK_EQ(pthread_create(&thread, NULL, close_and_open, (void *)(uintptr_t)path), 0);
    return thread;
}

static void stop_closing(pthread_t thread)
{
    done = true;
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

#endif
