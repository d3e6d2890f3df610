/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * /proc/self/maps shows the file of the namespace that holds the segment, not "/SYSV<key>" on device 00:01; and
 * /proc/sysvipc/shm, which is the kernel's, does not list the segment.
 */
#include "harness.h"

static bool lists(const char *path, const char *text)
{
    char line[1024];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof line, file) != NULL)
        found |= strstr(line, text) != NULL;
    fclose(file);
    return found;
}

int main(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    ATTACH(id, NULL, 0);
    char text[32];
    snprintf(text, sizeof text, "/SYSV%08x", (unsigned)key);
    CHECK(!lists("/proc/self/maps", text));
    CHECK(lists("/proc/self/maps", getenv("PARTAGE_DIR")));
    snprintf(text, sizeof text, "%10d ", key);
    /* `partage run` puts its own table in the place of the kernel's. */
    bool is_run = strcmp(getenv("PARTAGE_TEST_MODE"), "nosysv") == 0;
    CHECK_EQ(lists("/proc/sysvipc/shm", text), is_run);
    return 0;
}
