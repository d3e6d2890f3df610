/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A range under MADV_DONTFORK in the middle of an attachment, as libraries for network cards ask for: the child has the rest
 * of it, which counts, keeps the segment, and goes with one shmdt.
 */
#include "harness.h"

enum { PAGES = 4, HIDDEN = 1 };

static int id;
static char *memory;
static struct channel ready, go_on;

static void child(void *nothing)
{
    (void)nothing;
    CHECK_EQ(memory[0], 'a');
    put_number(ready, 1);
    CHECK_EQ(get_number(go_on), 1);
    CHECK(!is_mapped(pages_up(memory, HIDDEN)));
    CHECK_EQ(*pages_up(memory, PAGES - 1), 'z');
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(memory));
    CHECK(!is_mapped(memory));
    CHECK(!is_mapped(pages_up(memory, PAGES - 1)));
}

int main(void)
{
    ready = new_channel();
    go_on = new_channel();
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    memory = ATTACH(id, NULL, 0);
    memory[0] = 'a';
    *pages_up(memory, PAGES - 1) = 'z';
    CHECK_OK(madvise(pages_up(memory, HIDDEN), page_size(), MADV_DONTFORK));
    /* partage does not see madvise in the parent, which has one attachment for it. */
    long own = on_kernel() ? 3 : 1;
    CHECK_EQ(NATTCH(id), own);
    pid_t forked = start_child(child, NULL);
    CHECK_EQ(get_number(ready), 1);
    CHECK_EQ(NATTCH(id), own + 2);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 2);
    REMOVE(id);
    CHECK_EQ(NATTCH(id), 2);
    put_number(go_on, 1);
    EXPECT_EXIT(forked, 0);
    CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EINVAL);
    return 0;
}
