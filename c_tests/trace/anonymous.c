/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A shared and a private anonymous mapping: only the first may be recorded, and only if that is asked for. */
#include "truth.h"

int main(void)
{
    char *shared = mmap(NULL, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *private = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    CHECK(munmap(private, 8192) == 0 && munmap(shared, 8192) == 0);
    return 0;
}
