/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys are any 32 bits but zero. In a namespace of its own, as the keys are fixed. */
#include "limits.h"

static void all_sorts_of_keys(void)
{
    static const key_t keys[] = {1, -1, -2, INT32_MIN, INT32_MAX, 0x8000, 0x10000, 0x7fff0000, (key_t)0xdeadbeef};
    int ids[sizeof keys / sizeof *keys];
    size_t count = sizeof keys / sizeof *keys;
    for (size_t i = 0; i < count; i++) {
        CHECK_ERRNO(shmget(keys[i], 0, 0), ENOENT);
        ids[i] = shmget(keys[i], 100 + i, IPC_CREAT | IPC_EXCL | 0600);
        CHECK_OK(ids[i]);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(shmget(keys[i], 0, 0), ids[i]);
        CHECK_EQ(FIELDS(ids[i]).shm_perm.__key, keys[i]);
        CHECK_EQ(FIELDS(ids[i]).shm_segsz, 100 + i);
        CHECK_ERRNO(shmget(keys[i], 100, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    }
    for (size_t i = 0; i < count; i += 2)
        REMOVE(ids[i]);
    for (size_t i = 0; i < count; i++)
        if (i % 2 == 0)
            CHECK_ERRNO(shmget(keys[i], 0, 0), ENOENT);
        else
            CHECK_EQ(shmget(keys[i], 0, 0), ids[i]);
}

int main(void)
{
    with_limits((struct limits){0}, all_sorts_of_keys);
    return 0;
}
