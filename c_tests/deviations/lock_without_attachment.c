/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SHM_LOCK keeps no memory in place while nobody has the segment attached: there is no mapping to lock. The mode
 * says that it is locked all the same, and the rights and limits are the kernel's.
 */
#include "locked.h"

int main(void)
{
    int id = NEW_SEGMENT(4 * page_size(), 0600);
    long before = locked_kib();
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    CHECK_EQ(MODE(id), SHM_LOCKED | 0600);
    CHECK_EQ(locked_kib(), before);
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
    CHECK_EQ(MODE(id), 0600);
    return 0;
}
