/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHM_REMAP replaces what is there: exactly the pages of the segment, and a replaced attachment counts no more. */
#include "harness.h"

static void over_plain_memory(int id)
{
    char *base = reserve(5, PROT_READ | PROT_WRITE);
    memset(base, 7, 5 * page_size());
    char *memory = ATTACH(id, pages_up(base, 1), SHM_REMAP);
    CHECK(memory == pages_up(base, 1));
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(memory[2 * page_size() - 1], 0);
    CHECK_EQ(pages_up(base, 1)[-1], 7); /* The neighbours survive. */
    CHECK_EQ(*pages_up(base, 3), 7);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory)); /* leaves a hole */
    CHECK(!is_mapped(pages_up(base, 1)) && !is_mapped(pages_up(base, 2)));
    CHECK(is_mapped(base) && is_mapped(pages_up(base, 3)));
    CHECK_EQ(NATTCH(id), 0);

    memory = ATTACH(id, pages_up(base, 1), SHM_REMAP); /* into the hole */
    CHECK(memory == pages_up(base, 1));
    CHECK_OK(shmdt(memory));
}

static void over_an_attachment(int id)
{
    int other = NEW_SEGMENT(2 * page_size(), 0600);
    char *memory = ATTACH(other, NULL, 0);
    memory[0] = 5;
    CHECK(ATTACH(id, memory, SHM_REMAP) == memory);
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(NATTCH(other), 0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

/* The same segment where it is attached already: one attachment, and one detach ends it. */
static void over_itself(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 9;
    CHECK(ATTACH(id, memory, SHM_REMAP) == memory);
    CHECK_EQ(memory[0], 9);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    CHECK_ERRNO(shmdt(memory), EINVAL);
    CHECK_EQ(NATTCH(id), 0);
}

/* A segment that was only waiting for its last attachment goes when that is replaced. */
static void over_the_last_attachment(int id)
{
    int marked = NEW_SEGMENT(page_size() + 1, 0600); /* As long: what lies behind it is not the test's. */
    char *memory = ATTACH(marked, NULL, 0);
    REMOVE(marked);
    CHECK(ATTACH(id, memory, SHM_REMAP) == memory);
    CHECK_GONE(marked);
    CHECK_OK(shmdt(memory));
}

/* Another segment over the middle: the first is in two pieces, both still its own, and one detach finds both. */
static void over_the_middle(int id)
{
    int large = NEW_SEGMENT(6 * page_size(), 0600);
    char *memory = ATTACH(large, NULL, 0);
    memory[0] = 1;
    *pages_up(memory, 5) = 2;
    CHECK(ATTACH(id, pages_up(memory, 2), SHM_REMAP) == pages_up(memory, 2));
    CHECK_EQ(NATTCH(large), 2);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(memory[0], 1);
    CHECK_EQ(*pages_up(memory, 5), 2);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(large), 0);
    CHECK_EQ(NATTCH(id), 1); /* In the window, but not a part of it. */
    *pages_up(memory, 2) = 3;
    CHECK_OK(shmdt(pages_up(memory, 2)));
    CHECK_EQ(NATTCH(id), 0);
}

int main(void)
{
    int id = NEW_SEGMENT(page_size() + 1, 0600); /* two pages */
    over_plain_memory(id);
    over_an_attachment(id);
    over_itself(NEW_SEGMENT(2 * page_size(), 0600));
    over_the_last_attachment(id);
    over_the_middle(NEW_SEGMENT(2 * page_size(), 0600));
    return 0;
}
