/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory of this process that the kernel keeps in place. */
#ifndef LOCKED_H
#define LOCKED_H

#include "harness.h"

static inline long locked_kib(void)
{
    char line[256];
    long locked = -1;
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmLck: %ld", &locked);
    fclose(status);
    return locked;
}

#endif
