/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmget of an existing key: the three digits of the flags are one request, and one digit of the mode decides. */
#include "permissions.h"

static void get(key_t key, int id, int granted)
{
    for (int requested = 0; requested < 8; requested++) {
        int spread = (requested & 4) << 6 | (requested & 2) << 3 | (requested & 1); /* a bit from each digit */
        int flags[] = {requested << 6, requested << 3, requested, requested << 6 | requested, spread};
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if ((requested & ~granted) == 0)
                CHECK_EQ(shmget(key, 0, flags[i]), id);
            else
                CHECK_ERRNO(shmget(key, 0, flags[i]), EACCES);
    }
}

int main(void)
{
    for_all_users_and_modes(get);
    return 0;
}
