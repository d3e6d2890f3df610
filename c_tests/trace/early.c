/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls before any constructor, in a constructor, in main, in an exit handler and in a destructor. */
#include "truth.h"

static void before_constructors(void) { shmdt((void *)(1UL << 40 | 1)); }
__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = before_constructors;
__attribute__((constructor)) static void constructor(void) { shmdt((void *)(2UL << 40 | 1)); }
__attribute__((destructor)) static void destructor(void) { shmdt((void *)(5UL << 40 | 1)); }
static void at_exit(void) { shmdt((void *)(4UL << 40 | 1)); }

int main(void)
{
    CHECK(atexit(at_exit) == 0);
    shmdt((void *)(3UL << 40 | 1));
    return 0;
}
