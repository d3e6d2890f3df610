/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SHM_LOCK keeps no memory in place while nobody has the segment attached: there is no mapping to lock. The mode
 * says that it is locked all the same, and the rights and limits are the kernel's.
 */
#include "harness.h"

static long locked_kilobytes(void)
{
    char line[256];
    long locked = -1;
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmLck: %ld", &locked);
    fclose(status);
    return locked;
}

int main(void)
{
    int id = NEW_SEGMENT(4 * page_size(), 0600);
    long before = locked_kilobytes();
    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    CHECK_EQ(MODE(id), SHM_LOCKED | 0600);
    CHECK_EQ(locked_kilobytes(), before);
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
    CHECK_EQ(MODE(id), 0600);
    return 0;
}
