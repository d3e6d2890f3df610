/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An id of 0 is never issued; the kernel's first one is 0. Programs that remove "their" segment without having one
 * say shmctl(0, IPC_RMID), and would remove somebody else's.
 */
#include "limits.h"

static void body(void)
{
    for (int i = 0; i < 100; i++) {
        int id = shmget(IPC_PRIVATE, 1, 0600);
        CHECK(id > 0);
        CHECK_ERRNO(shmctl(0, IPC_RMID, NULL), EINVAL);
        CHECK_ERRNO(shmat(0, NULL, 0), EINVAL);
        CHECK_ERRNO(shmctl(0, IPC_STAT, &(struct shmid_ds){0}), EINVAL);
        if (i % 3 == 0)
            REMOVE(id);
    }
}

int main(void)
{
    with_limits((struct limits){0}, body);
    return 0;
}
