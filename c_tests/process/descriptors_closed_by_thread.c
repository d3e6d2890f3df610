/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread closes descriptors that it did not open, and opens files that get their numbers, while another looks at a
 * count: another process's attachment counts at every look.
 */
#include "harness.h"

#include <pthread.h>

enum { LOOKS = 4000, FIRST = 20, LAST = 30, FILES = 6 };

static atomic_bool done;

static void *close_and_open(void *nothing)
{
    int file[FILES];
    (void)nothing;
    while (!done) {
        for (int number = FIRST; number < LAST; number++)
            close(number);
        for (int i = 0; i < FILES; i++)
            file[i] = open("/dev/null", O_RDONLY);
        for (int i = 0; i < FILES; i++)
            close(file[i]);
    }
    return NULL;
}

int main(void)
{
    struct channel is_ready = new_channel(), may_end = new_channel();
    int id = NEW_SEGMENT(page_size(), 0600);
    pid_t other = fork();
    CHECK_OK(other);
    if (other == 0) {
        ATTACH(id, NULL, 0);
        put_number(is_ready, 1);
        get_number(may_end);
        _exit(PASSED);
    }
    get_number(is_ready);
    ATTACH(id, NULL, 0);
    for (int number = 0; number < FIRST - 1;) { /* The next ones are those that the thread closes. */
        number = dup(0);
        CHECK_OK(number);
    }
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, close_and_open, NULL), 0);
    for (int i = 0; i < LOOKS; i++)
        CHECK_EQ(NATTCH(id), 2);
    done = true;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    put_number(may_end, 1);
    EXPECT_EXIT(other, PASSED);
    return 0;
}
