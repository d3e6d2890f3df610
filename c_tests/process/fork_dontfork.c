/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A range under MADV_DONTFORK is not inherited: the child does not count and has nothing to detach. */
#include "harness.h"

static int id, other;
static char *hidden, *inherited;

static void child(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(other), 2);
    CHECK(!is_mapped(hidden));
    CHECK_ERRNO(shmdt(hidden), EINVAL);
    CHECK_OK(shmdt(inherited));
    char *own = ATTACH(id, hidden, 0); /* The place is free here. */
    CHECK_EQ(NATTCH(id), 2);
    CHECK_EQ(own[0], 'h');
}

int main(void)
{
    id = NEW_SEGMENT(page_size(), 0600);
    other = NEW_SEGMENT(page_size(), 0600);
    hidden = ATTACH(id, NULL, 0);
    inherited = ATTACH(other, NULL, 0);
    hidden[0] = 'h';
    CHECK_OK(madvise(hidden, page_size(), MADV_DONTFORK));
    pid_t forked = start_child(child, NULL);
    EXPECT_EXIT(forked, 0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(madvise(hidden, page_size(), MADV_DOFORK));
    CHECK_OK(shmdt(hidden));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_EQ(NATTCH(other), 1);
    return 0;
}
