/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * nattch counts the pieces that munmap, mmap and mremap leave of an attachment. The kernel also counts those that
 * mprotect, mlock and madvise make; these calls are not the library's to see, and nobody is known to count on it.
 */
#include "harness.h"

int main(void)
{
    int id = NEW_SEGMENT(6 * page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_OK(mprotect(pages_up(memory, 1), page_size(), PROT_READ));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(mlock(pages_up(memory, 3), page_size()));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(madvise(pages_up(memory, 5), page_size(), MADV_DONTFORK));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(munmap(pages_up(memory, 4), page_size())); /* This one is. */
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    for (int i = 0; i < 6; i++)
        CHECK(!is_mapped(pages_up(memory, i)));
    return 0;
}
