/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmat needs the right to read and write, with SHM_RDONLY to read only, with SHM_EXEC also to execute. */
#include "permissions.h"

static void attach_with(int id, int granted, int flags, int requested)
{
    if ((requested & ~granted) != 0) {
        CHECK_ERRNO(shmat(id, NULL, flags), EACCES);
        return;
    }
    char *memory = ATTACH(id, NULL, flags);
    CHECK(memory[0] == 0);
    if (requested & 2)
        memory[1] = 1;
    CHECK_OK(shmdt(memory));
}

static void attach(key_t key, int id, int granted)
{
    (void)key;
    attach_with(id, granted, 0, 6);
    attach_with(id, granted, SHM_RDONLY, 4);
    attach_with(id, granted, SHM_EXEC, 7);
    attach_with(id, granted, SHM_RDONLY | SHM_EXEC, 5);
}

int main(void)
{
    for_all_users_and_modes(attach);
    return 0;
}
