/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread closes descriptors that it did not open, and opens files that get their numbers, while another looks at a
 * count: another process's attachment counts at every look.
 */
#include "closes.h"

enum { LOOKS = 4000 };

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
    pthread_t thread = start_closing("/dev/null");
    for (int i = 0; i < LOOKS; i++)
        CHECK_EQ(NATTCH(id), 2);
    stop_closing(thread);
    put_number(may_end, 1);
    EXPECT_EXIT(other, PASSED);
    return 0;
}
