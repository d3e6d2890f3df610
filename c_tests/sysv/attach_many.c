/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One segment attached many times in one process: distinct addresses, the same memory, each counted. */
#include "harness.h"

enum { TIMES = 1000 };

int main(void)
{
    int id = NEW_SEGMENT(2 * page_size(), 0600);
    static char *at[TIMES];
    for (int i = 0; i < TIMES; i++) {
        at[i] = ATTACH(id, NULL, i % 3 == 2 ? SHM_RDONLY : 0);
        CHECK_EQ((uintptr_t)at[i] % page_size(), 0);
        CHECK_EQ(at[i][page_size()], (char)i);
        at[0][page_size()] = (char)(i + 1);
        for (int j = 0; j < i; j++)
            CHECK(at[i] >= pages_up(at[j], 2) || at[j] >= pages_up(at[i], 2));
    }
    CHECK_EQ(NATTCH(id), TIMES);
    for (int i = 0; i < TIMES; i++) {
        int other = (i * 7) % TIMES; /* in no order of address or age */
        CHECK_EQ(at[other][page_size()], (char)TIMES);
        CHECK_OK(shmdt(at[other]));
        CHECK_ERRNO(shmdt(at[other]), EINVAL);
        CHECK_EQ(NATTCH(id), TIMES - 1 - i);
    }
    return 0;
}
