/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways in which a process loses what it would need to open or map one more file. The kernel's calls need neither. */
#ifndef REACH_H
#define REACH_H

#include "harness.h"

enum reach { NO_DESCRIPTOR, ROOT_DROPPED, OTHER_ROOT, NO_ADDRESS_SPACE, REACHES };

static const char *const reach_names[REACHES] = {"no descriptor", "root dropped", "another root", "no address space"};

static inline void lower_limit(int resource, rlim_t soft)
{
    struct rlimit limit;
    CHECK_OK(getrlimit(resource, &limit));
    limit.rlim_cur = soft;
    CHECK_OK(setrlimit(resource, &limit));
}

/* Bytes of address space in use. */
static inline rlim_t address_space_used(void)
{
    char text[32] = "";
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK_OK(file);
    CHECK(read(file, text, sizeof text - 1) > 0);
    close(file);
    return (rlim_t)strtoull(text, NULL, 10) * page_size();
}

/* For the rest of this process's life. `elsewhere` is an empty directory. */
static inline void lose(enum reach what, const char *elsewhere)
{
    if (what == NO_DESCRIPTOR)
        lower_limit(RLIMIT_NOFILE, 0);
    else if (what == ROOT_DROPPED)
        become_user(65534, 65534);
    else if (what == OTHER_ROOT)
        CHECK(chroot(elsewhere) == 0 && chdir("/") == 0);
    else /* A stack may still grow. */
        lower_limit(RLIMIT_AS, address_space_used() + 64 * page_size());
}

#endif
