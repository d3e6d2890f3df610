/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* madvise and msync on an attachment: DONTNEED keeps the content, REMOVE zeroes it, msync has nothing to do. */
#include "harness.h"

int main(void)
{
    int id = NEW_SEGMENT(2 * page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = memory[page_size()] = 5;
    CHECK_OK(madvise(memory, 2 * page_size(), MADV_DONTNEED));
    CHECK_EQ(memory[0], 5);
    CHECK_OK(msync(memory, 2 * page_size(), MS_SYNC));
    CHECK_OK(msync(memory, 2 * page_size(), MS_ASYNC));
    CHECK_EQ(memory[0], 5);
    CHECK_OK(madvise(memory, page_size(), MADV_REMOVE));
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(memory[page_size()], 5);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    return 0;
}
