/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A stopped process still counts: it may go on. */
#include "harness.h"

static int id;

static void stop(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(id, NULL, 0);
    raise(SIGSTOP);
    memory[0] = 's';
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    int status;
    id = NEW_SEGMENT(100, 0600);
    pid_t child = start_child(stop, NULL);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(id), 1);
    REMOVE(id);
    CHECK_EQ(NATTCH(id), 1);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(kill(child, SIGCONT));
    EXPECT_EXIT(child, 0);
    CHECK_EQ(memory[0], 's');
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
    return 0;
}
