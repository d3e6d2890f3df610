/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmget ignores flag bits without a meaning, and none of them shows in the mode. */
#include "harness.h"

int main(void)
{
    static const int unknown[] = {0x8000, 0x10000, 0x20000, 0x1000000, 0x2000000, 0x40000000, (int)0x80000000};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        key_t key = unique_key();
        int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | unknown[i] | 0640);
        CHECK_OK(id);
        CHECK_EQ(MODE(id), 0640);
        CHECK_EQ(shmget(key, 100, unknown[i] | 0400), id);
        REMOVE(id);
    }
    int id = NEW_SEGMENT(100, SHM_NORESERVE | 0777);
    CHECK_EQ(MODE(id), 0777);
    return 0;
}
