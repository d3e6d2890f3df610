/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What one would write by hand for LTTng-UST: a preload with one tracepoint a call. */
#define _GNU_SOURCE
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_tp.h"
#include <dlfcn.h>
#include <errno.h>

int shmdt(const void *address)
{
    static int (*next)(const void *);
    if (!next)
        next = (int (*)(const void *))dlsym(RTLD_NEXT, "shmdt");
    int result = next(address);
    lttng_ust_tracepoint(partage_bench, shmdt, address, result, result < 0 ? errno : 0);
    return result;
}
