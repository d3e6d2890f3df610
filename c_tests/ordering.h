/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What puts the steps of several processes in order. Part of harness.h. */
#ifndef ORDERING_H
#define ORDERING_H

/* A pipe of numbers between processes: putting never waits, getting waits for the next number. */
struct channel {
    int read_end, write_end;
};

static inline struct channel new_channel(void)
{
    int ends[2];
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    return (struct channel){ends[0], ends[1]};
}

static inline void put_number(struct channel channel, long number)
{
    if (write(channel.write_end, &number, sizeof number) != sizeof number)
        FAIL("put_number: %s", strerror(errno));
}

static inline long get_number(struct channel channel)
{
    long number;
    ssize_t got;
    do
        got = read(channel.read_end, &number, sizeof number);
    while (got == -1 && errno == EINTR);
    if (got != sizeof number)
        FAIL("get_number: %s", got == 0 ? "the other side has gone" : strerror(errno));
    return number;
}

/* Zeroed memory that children share with their parent; no segment, so it is the same in every mode. */
static inline void *shared_with_children(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

#include "segments.h"

#endif
