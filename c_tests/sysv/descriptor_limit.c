/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Creating and attaching need no descriptor. */
#include "harness.h"

int main(void)
{
    if (!on_kernel()) /* A segment is a file there, open while it is mapped: deviations/descriptor_limit.c. */
        SKIP("partage needs a descriptor for a moment");
    struct rlimit none = {0, 0};
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &none));
    none.rlim_cur = 0;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &none));
    int id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 1;
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    return 0;
}
