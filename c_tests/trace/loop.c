/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One thread's calls, numbered by their address. Usage: loop CALLS [close|crash|memory]: close closes all descriptors first,
 * crash ends in a trap, memory checks that the process does not grow much. */
#include "truth.h"

/* Memory of this process that is in the machine's, in bytes. */
static long resident(void)
{
    long size, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &size, &pages) == 2 && fclose(file) == 0);
    return pages * sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    if (argc > 2 && !strcmp(argv[2], "close")) {
        for (int fd = 0; fd < 1024; fd++)
            close(fd);
        close_range(0, ~0U, 0);
        closefrom(0);
    }
    int measures = argc > 2 && !strcmp(argv[2], "memory");
    long before = measures ? resident() : 0;
    for (uintptr_t i = 0; i < strtoul(argv[1], NULL, 10); i++)
        if (shmdt((void *)(i << 1 | 1)) != -1 || errno != EINVAL)
            return 1;
    CHECK(!measures || resident() - before < 8L << 20);
    if (argc > 2 && !strcmp(argv[2], "crash"))
        __builtin_trap();
    return 0;
}
