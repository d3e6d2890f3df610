/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * To give up a whole attachment needs no memory: shmdt, munmap and MAP_FIXED do it with however many attachments and
 * pieces there are, when not a page more can be mapped.
 */
#include "reach.h"

enum { MOST = 100, PAGES = 4 };

static int id;

static void by_shmdt(char *memory)
{
    CHECK_OK(shmdt(memory));
}

static void by_munmap(char *memory)
{
    CHECK_OK(munmap(memory, PAGES * page_size()));
}

static void by_mmap(char *memory)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK(mmap(memory, PAGES * page_size(), PROT_NONE, flags, -1, 0) == memory);
}

static void (*const ways[])(char *) = {by_shmdt, by_munmap, by_mmap};

/* `attachments` of them; from the first so many, a page in the middle is gone, which makes two pieces of each. */
static void with_many(int attachments, int cut)
{
    char *memory[MOST];
    for (int i = 0; i < attachments; i++)
        memory[i] = ATTACH(id, NULL, 0);
    for (int i = 0; i < cut; i++)
        CHECK_OK(munmap(pages_up(memory[i], 1), page_size()));
    CHECK_EQ(NATTCH(id), attachments + cut);
    struct rlimit before;
    CHECK_OK(getrlimit(RLIMIT_AS, &before));
    for (int i = cut; i < attachments; i++) {
        lower_limit(RLIMIT_AS, address_space_used()); /* What the last one gave back is not to be had either. */
        ways[i % 3](memory[i]);
        CHECK_ERRNO(shmdt(memory[i]), EINVAL);
        CHECK_EQ(NATTCH(id), attachments + cut - (i - cut + 1));
    }
    for (int i = 0; i < cut; i++)
        CHECK_OK(shmdt(memory[i]));
    CHECK_OK(setrlimit(RLIMIT_AS, &before));
    CHECK_EQ(NATTCH(id), 0);
}

static void each_in_a_child(void *argument)
{
    int *numbers = argument;
    with_many(numbers[0], numbers[1]);
}

int main(void)
{
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    for (int attachments = 12; attachments <= 20; attachments++)
        for (int cut = 0; cut < 3; cut++)
            RUN_CHILD(each_in_a_child, ((int[]){attachments, cut}));
    RUN_CHILD(each_in_a_child, ((int[]){MOST, MOST / 2}));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
