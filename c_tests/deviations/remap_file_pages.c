/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * remap_file_pages(2) over a whole attachment of a removed segment unmaps it on the kernel, which is its last detach, and
 * then fails with EINVAL, the memory lost. The call is deprecated and not the library's to see: the kernel maps the pages
 * of a file once more, so it succeeds and the memory stays. The count is right, and the segment goes with its last detach.
 */
#include "harness.h"

int main(void)
{
    int id = NEW_SEGMENT(3 * page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'f';
    memory[2 * page_size()] = 'l';
    if (remap_file_pages(memory, page_size(), 0, 0, 0) == -1 && errno == ENOSYS)
        SKIP("no remap_file_pages");
    CHECK_EQ(NATTCH(id), 1); /* As on the kernel. */
    REMOVE(id);
    CHECK_OK(remap_file_pages(memory, 3 * page_size(), 0, 0, 0));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(memory[0], 'f');
    CHECK_EQ(memory[2 * page_size()], 'l');
    CHECK_OK(shmdt(memory));
    CHECK(!is_mapped(memory) && !is_mapped(pages_up(memory, 2)));
    CHECK_GONE(id);
    return 0;
}
