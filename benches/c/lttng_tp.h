/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER partage_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./lttng_tp.h"
#if !defined(LTTNG_TP_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define LTTNG_TP_H
#include <lttng/tracepoint.h>
LTTNG_UST_TRACEPOINT_EVENT(partage_bench, shmdt, LTTNG_UST_TP_ARGS(const void *, address, int, result, int, error),
                           LTTNG_UST_TP_FIELDS(lttng_ust_field_integer_hex(unsigned long, address, (unsigned long)address)
                                                   lttng_ust_field_integer(int, result, result)
                                                       lttng_ust_field_integer(int, error, error)))
#endif
#include <lttng/tracepoint-event.h>
