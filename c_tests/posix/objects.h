/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Short forms for POSIX objects, and where they live. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "harness.h"

#include <sys/mount.h>

/* The directory that holds the objects. The library makes its own with the first object. */
static inline const char *object_directory(void)
{
    static char directory[256];
    if (on_kernel())
        return "/dev/shm";
    snprintf(directory, sizeof directory, "%s/posix", getenv("PARTAGE_DIR"));
    return directory;
}

/* The file of the object with this name. Valid until the next call but three. */
static inline const char *object_path(const char *name)
{
    static char path[4][600];
    static int next;
    char *chosen = path[next++ % 4];
    snprintf(chosen, sizeof path[0], "%s/%s", object_directory(), name + strspn(name, "/"));
    return chosen;
}

/* Has the library make the directory, for tests that put files there by other means. */
static inline void make_object_directory(void)
{
    const char *name = unique_name();
    int file = shm_open(name, O_CREAT | O_RDWR, 0600);
    CHECK_OK(file);
    CHECK_OK(close(file));
    CHECK_OK(shm_unlink(name));
}

/* A new object of n bytes, removed at the end of the test; its descriptor is open for reading and writing. */
static inline int new_object(const char *name, off_t size)
{
    int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (file == -1)
        FAIL("shm_open(%s): %s", name, strerror(errno));
    CHECK_OK(ftruncate(file, size));
    return file;
}

static inline char *map_object(int file, size_t size, int protection)
{
    void *memory = mmap(NULL, size, protection, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static inline struct stat object_status(int file)
{
    struct stat status;
    CHECK_OK(fstat(file, &status));
    return status;
}

/* Puts a file system of the test's own, made with these mount options, in the place of the object directory. */
static inline void mount_on_object_directory(const char *options)
{
    need_root();
    make_object_directory();
    if (unshare(CLONE_NEWNS) == -1)
        SKIP("no mount namespace of its own: %s", strerror(errno));
    CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("tmpfs", object_directory(), "tmpfs", 0, options));
}

#endif
