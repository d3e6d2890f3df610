/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmat ignores flag bits without a meaning. */
#include "harness.h"

int main(void)
{
    static const int unknown[] = {IPC_CREAT, IPC_EXCL, IPC_NOWAIT, 0777, 0x10000, 0x40000000, (int)0x80000000};
    int id = NEW_SEGMENT(100, 0600);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        char *memory = ATTACH(id, NULL, unknown[i]);
        memory[0] = 1;
        CHECK_EQ(strcmp(protection_at(memory), "rw-s"), 0);
        CHECK_OK(shmdt(memory));
        memory = ATTACH(id, NULL, unknown[i] | SHM_RDONLY);
        CHECK_EQ(strcmp(protection_at(memory), "r--s"), 0);
        CHECK_OK(shmdt(memory));
    }
    return 0;
}
