/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mprotect, mlock or madvise of a part: the pages stay one attachment, which one shmdt takes away. */
#include "harness.h"

enum { PAGES = 6 };

/* partage counts a piece less finely: mprotect, mlock and madvise are not its to see. */
static void check_nattch(int id, long on_the_kernel)
{
    CHECK_EQ(NATTCH(id), on_kernel() ? on_the_kernel : 1);
}

static void check_detach(int id, char *memory)
{
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    for (int i = 0; i < PAGES; i++)
        CHECK(!is_mapped(pages_up(memory, i)));
    CHECK_ERRNO(shmdt(memory), EINVAL);
}

static void by_mprotect(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(mprotect(memory, PAGES * page_size(), PROT_READ));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(mprotect(memory, PAGES * page_size(), PROT_READ | PROT_WRITE));
    CHECK_OK(mprotect(pages_up(memory, 2), page_size(), PROT_NONE));
    check_nattch(id, 3);
    CHECK_OK(mprotect(pages_up(memory, 2), page_size(), PROT_READ | PROT_WRITE));
    check_nattch(id, 3);
    check_detach(id, memory);
}

static void by_mlock(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(mlock(pages_up(memory, 4), 2 * page_size()));
    check_nattch(id, 2);
    CHECK_OK(munlock(pages_up(memory, 4), 2 * page_size()));
    check_nattch(id, 2);
    check_detach(id, memory);
}

static void by_madvise(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(madvise(memory, page_size(), MADV_DONTFORK));
    check_nattch(id, 2);
    check_detach(id, memory);
}

/* Only the page that is left is gone in the end: holes and protections together. */
static void with_holes(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(mprotect(pages_up(memory, 1), page_size(), PROT_READ));
    CHECK_OK(munmap(pages_up(memory, 3), page_size()));
    CHECK_OK(munmap(memory, page_size()));
    check_detach(id, memory);
}

int main(void)
{
    int id = NEW_SEGMENT(PAGES * page_size(), 0600);
    by_mprotect(id);
    by_mlock(id);
    by_madvise(id);
    with_holes(id);
    return 0;
}
