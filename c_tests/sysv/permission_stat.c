/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IPC_STAT and SHM_STAT need the right to read; SHM_STAT_ANY, IPC_INFO and SHM_INFO need none. */
#include "permissions.h"

static void look(key_t key, int id, int granted)
{
    struct shmid_ds fields;
    (void)key;
    if (granted & 4) {
        CHECK_EQ(shmctl(id, IPC_STAT, &fields), 0);
        CHECK_EQ(shmctl(id, SHM_STAT, &fields), id); /* The low 15 bits of an id are the index. */
    } else {
        CHECK_ERRNO(shmctl(id, IPC_STAT, &fields), EACCES);
        CHECK_ERRNO(shmctl(id, IPC_STAT, NULL), EACCES);
        CHECK_ERRNO(shmctl(id, SHM_STAT, &fields), EACCES);
        CHECK_ERRNO(shmctl(id, SHM_STAT, NULL), EACCES);
    }
    CHECK_EQ(shmctl(id, SHM_STAT_ANY, &fields), id);
    CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&(struct shminfo){0}) >= 0);
    CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0}) >= 0);
}

int main(void)
{
    for_all_users_and_modes(look);
    return 0;
}
