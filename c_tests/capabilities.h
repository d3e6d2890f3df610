/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes with some capabilities and not others. */
#ifndef CAPABILITIES_H
#define CAPABILITIES_H

#include "harness.h"

#include <linux/capability.h>

/* The bit of CAP_name. */
#define CAPABILITY(name) ((uint64_t)1 << CAP_##name)

/* Drops all capabilities but these. */
static inline void keep_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)},
    };
    CHECK_OK(syscall(SYS_capset, &header, data));
}

/* Makes this process an ordinary user but for these capabilities. */
static inline void become_user_with(uid_t uid, gid_t gid, uint64_t kept)
{
    CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
    become_user(uid, gid);
    keep_capabilities(kept);
}

#endif
