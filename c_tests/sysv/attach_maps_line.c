/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How /proc/self/maps names an attachment: device 00:01, the id as the inode, the key in the name. */
#include "harness.h"

static void line_at(const void *address, char *line, int size)
{
    unsigned long from;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    do
        CHECK(fgets(line, size, maps) != NULL);
    while (sscanf(line, "%lx-", &from) != 1 || from != (uintptr_t)address);
    fclose(maps);
}

static void check_line(const void *address, int id, key_t key)
{
    char line[512], device[16], name[64];
    unsigned long inode, offset;
    line_at(address, line, sizeof line);
    CHECK_EQ(sscanf(line, "%*s %*s %lx %15s %lu %63[^\n]", &offset, device, &inode, name), 4);
    char expected[64];
    snprintf(expected, sizeof expected, "/SYSV%08x (deleted)", (unsigned)key);
    CHECK_EQ(offset, 0);
    CHECK_EQ(strcmp(device, "00:01"), 0);
    CHECK_EQ(inode, id);
    CHECK_EQ(strcmp(name, expected), 0);
}

int main(void)
{
    if (!on_kernel()) /* The memory is a file of the namespace, and maps names that file. */
        SKIP("the kernel's own name for its own mappings");
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    check_line(memory, id, key);
    REMOVE(id);
    check_line(memory, id, key);
    int private = NEW_SEGMENT(100, 0600);
    check_line(ATTACH(private, NULL, 0), private, 0);
    return 0;
}
