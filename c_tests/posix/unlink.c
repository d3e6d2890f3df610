/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* After shm_unlink the name is free at once and the memory stays for those who have it. */
#include "objects.h"

static bool maps_show(const char *text)
{
    char line[1024];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL)
        found = found || strstr(line, text) != NULL;
    fclose(maps);
    return found;
}

static void memory_stays(void)
{
    const char *name = unique_name();
    int file = new_object(name, 5000);
    char *memory = map_object(file, 5000, PROT_READ | PROT_WRITE);
    strcpy(memory, "kept");
    CHECK(maps_show(object_path(name)));
    CHECK_OK(shm_unlink(name));
    char deleted[700];
    snprintf(deleted, sizeof deleted, "%s (deleted)", object_path(name));
    CHECK(maps_show(deleted));
    CHECK_ERRNO(shm_unlink(name), ENOENT);
    CHECK_ERRNO(shm_open(name, O_RDWR, 0600), ENOENT);
    CHECK_EQ(object_status(file).st_nlink, 0);
    CHECK_EQ(object_status(file).st_size, 5000);
    CHECK_OK(ftruncate(file, 9000));
    memory[4999] = 'y';
    CHECK(strcmp(memory, "kept") == 0);

    int other = new_object(name, 10); /* Another object. */
    CHECK_EQ(object_status(other).st_size, 10);
    CHECK_EQ(map_object(other, 10, PROT_READ)[0], 0);
    CHECK(object_status(other).st_ino != object_status(file).st_ino);
    CHECK_OK(shm_unlink(name));
}

static void way_back(void)
{
    const char *name = unique_name();
    int file = new_object(name, 100);
    CHECK_OK(shm_unlink(name));
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    CHECK_ERRNO(linkat(AT_FDCWD, link, AT_FDCWD, object_path(name), AT_SYMLINK_FOLLOW), ENOENT);
    int again = open(link, O_RDWR | O_CLOEXEC);
    CHECK_OK(again);
    CHECK_EQ(object_status(again).st_ino, object_status(file).st_ino);
}

static void content_persists(void)
{
    const char *name = unique_name();
    int file = new_object(name, 100);
    char *memory = map_object(file, 100, PROT_READ | PROT_WRITE);
    strcpy(memory, "still here");
    CHECK_OK(munmap(memory, 100));
    CHECK_OK(close(file));
    file = shm_open(name, O_RDONLY, 0);
    CHECK_OK(file);
    CHECK(strcmp(map_object(file, 100, PROT_READ), "still here") == 0);
}

int main(void)
{
    memory_stays();
    way_back();
    content_persists();
    return 0;
}
