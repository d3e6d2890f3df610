/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHM_EXEC makes the memory executable, and code in it runs. */
#include "harness.h"

#if defined(__x86_64__) || defined(__i386__)
static const unsigned char return_42[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
#elif defined(__aarch64__)
static const unsigned char return_42[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6}; /* mov w0, #42; ret */
#else
static const unsigned char return_42[] = {0};
#endif

int main(void)
{
    int id = NEW_SEGMENT(100, 0700);
    char *both = ATTACH(id, NULL, SHM_EXEC);
    CHECK_EQ(strcmp(protection_at(both), "rwxs"), 0);
    char *reader = ATTACH(id, NULL, SHM_EXEC | SHM_RDONLY);
    CHECK_EQ(strcmp(protection_at(reader), "r-xs"), 0);
    if (sizeof return_42 > 1) {
        memcpy(both, return_42, sizeof return_42);
        __builtin___clear_cache(reader, reader + sizeof return_42);
        CHECK_EQ(((int (*)(void))(uintptr_t)reader)(), 42);
    }
    CHECK_OK(shmdt(both));
    CHECK_OK(shmdt(reader));
    return 0;
}
