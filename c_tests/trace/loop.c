/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One thread's calls, numbered by their address. Usage: loop CALLS [close|crash]: close closes all descriptors first,
 * crash ends in a trap. */
#include "truth.h"

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    if (argc > 2 && !strcmp(argv[2], "close")) {
        for (int fd = 0; fd < 1024; fd++)
            close(fd);
        close_range(0, ~0U, 0);
        closefrom(0);
    }
    for (uintptr_t i = 0; i < strtoul(argv[1], NULL, 10); i++)
        if (shmdt((void *)(i << 1 | 1)) != -1 || errno != EINVAL)
            return 1;
    if (argc > 2 && !strcmp(argv[2], "crash"))
        __builtin_trap();
    return 0;
}
