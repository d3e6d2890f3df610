/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* File systems of a test's own, where the library's namespace lies. The kernel's segments lie nowhere: nothing changes. */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include "limits.h"

#include <sys/mount.h>

/* From here on this process and its children have mounts of their own. */
static inline void own_mounts(void)
{
    need_root();
    if (unshare(CLONE_NEWNS) == -1)
        SKIP("no mount namespace of its own: %s", strerror(errno));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static inline void mount_memory(const char *place, const char *options)
{
    if (mount("none", place, "tmpfs", 0, options) == -1)
        SKIP("tmpfs on %s: %s", place, strerror(errno));
}

/* Where the namespace is, for tests that do things to its files; NULL on the kernel's calls. */
static inline const char *namespace_directory(void)
{
    return on_kernel() ? NULL : getenv("PARTAGE_DIR");
}

/* Calls do for every entry of the namespace's directory. */
static inline void each_file(void (*visit)(const char *path, const char *name))
{
    const char *place = namespace_directory();
    DIR *directory = place == NULL ? NULL : opendir(place);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", place, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(path, entry->d_name);
    }
    if (directory != NULL)
        closedir(directory);
}

/* Fills the file system there to its last byte. */
static inline void fill(const char *place)
{
    char path[600], block[4096];
    memset(block, 'f', sizeof block);
    snprintf(path, sizeof path, "%s/full", place);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_OK(file);
    while (write(file, block, sizeof block) > 0)
        continue;
    while (write(file, block, 1) > 0)
        continue;
    close(file);
}

#endif
