/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process that closes every descriptor it has keeps its attachments, its place and its ability to make more. */
#include "harness.h"

#include <sys/resource.h>

static int id;
static char *memory;

static void close_all(void)
{
    CHECK_OK(close_range(3, ~0U, 0));
}

static void child(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 2);
    close_all();
    CHECK_EQ(NATTCH(id), 2);
    char *more = ATTACH(id, NULL, 0);
    CHECK_EQ(more[0], 'm');
    close_all();
    CHECK_EQ(NATTCH(id), 3);
    CHECK_OK(shmdt(more));
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 1);
}

/* Others use the numbers that were closed: nothing of theirs may be touched. */
static void numbers_taken(void)
{
    int ends[2], place[20];
    char byte;
    CHECK_OK(pipe(ends));
    for (int i = 0; i < 20; i++)
        CHECK_OK(place[i] = dup(ends[0]));
    int other = NEW_SEGMENT(100, 0600);
    CHECK_OK(shmdt(ATTACH(other, NULL, 0)));
    REMOVE(other);
    CHECK_EQ(write(ends[1], "b", 1), 1);
    CHECK_EQ(read(place[19], &byte, 1), 1);
    close_all();
}

int main(void)
{
    int before = open_descriptors();
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    memory[0] = 'm';
    CHECK_EQ(open_descriptors(), before); /* None is left over from a call. */
    close_all();
    CHECK_EQ(NATTCH(id), 1);
    RUN_CHILD(child, NULL);
    CHECK_EQ(NATTCH(id), 1);
    numbers_taken();
    RUN_CHILD(child, NULL);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    memory = ATTACH(id, NULL, 0);
    closefrom(0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    CHECK_GONE(id);
    return 0;
}
