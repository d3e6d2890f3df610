/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests in which several users meet in one namespace. */
#ifndef USERS_H
#define USERS_H

#include "harness.h"

#include <sys/fsuid.h>

enum { ALICE = 51001, BOB = 51002, CREW = 52001, GUESTS = 52002 }; /* Users and groups that own nothing here. */

/*
 * Opens the namespace to every user; call it before the first call of the library. The kernel's is open as it is; the
 * library's takes its members from the directory's mode.
 */
static inline void share_namespace(void)
{
    need_root();
    if (!on_kernel())
        CHECK_OK(chmod(getenv("PARTAGE_DIR"), 01777));
}

#endif
