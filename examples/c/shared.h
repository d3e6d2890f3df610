/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the producer and the consumer agree on. */
#ifndef SHARED_H
#define SHARED_H

#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY = 0x70617274, LINE = 80, LINES = 3, PICTURE = 1 << 20, PATIENCE = 60 };

static const char PICTURE_NAME[] = "/partage-example";

/* The System V segment: a mailbox for one line, and a last semaphore to part by. */
struct mailbox {
    sem_t full, empty, parting;
    char line[LINE];
};

/* The POSIX object: something large. */
struct picture {
    unsigned char pixel[PICTURE];
};

static inline unsigned sum(const struct picture *picture)
{
    unsigned total = 0;
    for (size_t i = 0; i < PICTURE; i++)
        total = total * 31 + picture->pixel[i];
    return total;
}

static inline void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

#endif
