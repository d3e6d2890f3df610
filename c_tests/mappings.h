/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the kernel's list of mappings says of a segment: the measure for nattch, on the kernel's calls and on ours. */
#ifndef MAPPINGS_H
#define MAPPINGS_H

#include "harness.h"

struct mapped_file {
    unsigned long device, inode, bytes;
};

/* Calls visit for every mapping that a file of /proc lists, until that returns false. */
static inline void each_mapping_in(const char *path, bool (*visit)(uintptr_t, struct mapped_file, void *),
                                   void *argument)
{
    char line[512];
    FILE *maps = fopen(path, "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to, offset, major, minor, inode;
        if (sscanf(line, "%lx-%lx %*s %lx %lx:%lx %lu", &from, &to, &offset, &major, &minor, &inode) == 6 &&
            !visit(from, (struct mapped_file){major << 20 | minor, inode, to - from}, argument))
            break;
    }
    fclose(maps);
}

/* The same for every mapping of a process. */
static inline void each_mapping(pid_t pid, bool (*visit)(uintptr_t, struct mapped_file, void *), void *argument)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    each_mapping_in(path, visit, argument);
}

struct search {
    struct mapped_file file;
    uintptr_t address;
    long count;
};

static inline bool is_at(uintptr_t address, struct mapped_file file, void *argument)
{
    struct search *search = argument;
    if (address != search->address)
        return true;
    search->file = file;
    return false;
}

/* Shorter mappings of the same file are not attachments: the library may keep a page of it. */
static inline bool count_one(uintptr_t address, struct mapped_file file, void *argument)
{
    struct search *search = argument;
    if (file.device == search->file.device && file.inode == search->file.inode && file.bytes == search->file.bytes) {
        search->address = address;
        search->count++;
    }
    return true;
}

/* The file that is mapped at the start of an attachment. The segment has several pages. */
static inline struct mapped_file file_at(const void *address)
{
    struct search search = {.address = (uintptr_t)address};
    each_mapping(getpid(), is_at, &search);
    CHECK(search.file.bytes > page_size());
    return search.file;
}

/* How often it is mapped whole in a process, and the last such address. */
static inline struct search mapped_in(pid_t pid, struct mapped_file file)
{
    struct search search = {.file = file};
    each_mapping(pid, count_one, &search);
    return search;
}

/* Detaches every attachment, those too of which nobody knows the address. */
static inline void detach_all(struct mapped_file file)
{
    for (struct search left; left = mapped_in(getpid(), file), left.count > 0;)
        CHECK_OK(shmdt((void *)left.address));
}

#endif
