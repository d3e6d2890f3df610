/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes that make the first calls in a directory at the same time all succeed, and use the same segments. */
#include "harness.h"

enum { ROUNDS = 50, PROCESSES = 6 };

static const char *directory;
static int start[2];
static key_t key;

static void make_first_call(void *number)
{
    (void)number;
    close(start[1]);
    CHECK_OK(setenv("PARTAGE_DIR", directory, 1));
    char byte;
    CHECK_EQ(read(start[0], &byte, 1), 0); /* The parent closes the other end for all of them. */
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    int *count = (int *)(void *)ATTACH(id, NULL, 0);
    if (__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) == PROCESSES)
        CHECK_OK(shmctl(id, IPC_RMID, NULL));
    CHECK_OK(shmdt(count));
}

/* The last of them has removed the segment, if all found the same one. */
static void look_for_segment(void *unused)
{
    (void)unused;
    CHECK_OK(setenv("PARTAGE_DIR", directory, 1));
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
}

int main(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        directory = new_directory();
        key = unique_key();
        CHECK_OK(pipe(start));
        pid_t child[PROCESSES];
        for (long number = 0; number < PROCESSES; number++)
            child[number] = start_child(make_first_call, (void *)number);
        close(start[0]);
        close(start[1]);
        for (int number = 0; number < PROCESSES; number++)
            EXPECT_EXIT(child[number], PASSED);
        EXPECT_EXIT(start_child(look_for_segment, NULL), PASSED);
    }
    return 0;
}
