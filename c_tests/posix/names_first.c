/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a name is refused for does not depend on whether anybody has made an object yet, nor on which call is first. */
#include "limits.h"

enum { TOO_LONG = 256 };

static char longest[TOO_LONG + 2];

static int open_old(const char *name)
{
    return shm_open(name, O_RDWR, 0600);
}

static int open_new(const char *name)
{
    return shm_open(name, O_RDWR | O_CREAT, 0600);
}

/* Each is a new program's first call in a namespace that nobody has used. */
static void check_first(int (*call)(const char *), bool creates)
{
    memset(longest, 'n', sizeof longest - 1);
    longest[0] = '/';
    CHECK_ERRNO(call(longest), ENAMETOOLONG);
    CHECK_ERRNO(call(longest + 1), ENAMETOOLONG);
    if (!creates)
        CHECK_ERRNO(call(unique_name()), ENOENT);
}

static void unlink_first(void)
{
    check_first(shm_unlink, false);
}

static void open_first(void)
{
    check_first(open_old, false);
}

static void create_first(void)
{
    check_first(open_new, true);
}

static void other_names_first(void)
{
    CHECK_ERRNO(open_old("/a/b"), EINVAL);
    CHECK_ERRNO(open_old("/"), EINVAL);
    CHECK_ERRNO(open_old(""), EINVAL);
}

int main(void)
{
    with_limits((struct limits){0}, unlink_first);
    with_limits((struct limits){0}, open_first);
    with_limits((struct limits){0}, create_first);
    with_limits((struct limits){0}, other_names_first);
    return 0;
}
