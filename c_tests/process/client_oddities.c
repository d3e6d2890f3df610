/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls that real programs make and that look wrong. */
#include "harness.h"

static void id_zero(void)
{
    /* x11vnc removes the id 0 on an error path: that must not be anybody's segment. */
    struct shmid_ds fields;
    if (on_kernel() && (shmctl(0, IPC_STAT, &fields) == 0 || errno == EACCES))
        return; /* The kernel gives it out, and somebody has it: leave it alone. */
    CHECK_ERRNO(shmctl(0, IPC_STAT, &fields), EINVAL);
    CHECK_ERRNO(shmctl(0, IPC_RMID, NULL), EINVAL);
}

static void nothing_attached(void)
{
    CHECK_ERRNO(shmdt(NULL), EINVAL); /* PHP. */
    CHECK_ERRNO(shmdt((void *)-1), EINVAL);
}

static void probe_with_mode_zero(void)
{
    key_t key = unique_key();
    CHECK_ERRNO(shmget(key, 1, 0), ENOENT);
    int id = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(id);
    CHECK_EQ(shmget(key, 1, 0), id);
    CHECK_EQ(shmget(key, 0, 0), id);
    CHECK_ERRNO(shmget(key, 101, 0), EINVAL);
    struct shmid_ds fields = FIELDS(id);
    CHECK_OK(shmctl(id, IPC_RMID, &fields)); /* A buffer where none is needed. */
    id = shmget(key, 1, IPC_CREAT | 000);
    CHECK_OK(id);
    REMOVE(id);
}

static void all_bits_key(void)
{
    key_t key = (key_t)0xffffffff; /* opcache's */
    int id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600);
    if (id == -1 && errno == EEXIST && on_kernel())
        return; /* Somebody has it. */
    CHECK_OK(id);
    removed_at_end(id);
    CHECK_EQ(FIELDS(id).shm_perm.__key, -1);
    CHECK_EQ(shmget(key, 0, 0), id);
    REMOVE(id);
}

static void huge_shift_alone(void)
{
    int id = NEW_SEGMENT(4096, 0600 | 21 << SHM_HUGE_SHIFT);
    CHECK_EQ(MODE(id), 0600);
    CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
}

int main(void)
{
    id_zero();
    nothing_attached();
    probe_with_mode_zero();
    all_bits_key();
    huge_shift_alone();
    return 0;
}
