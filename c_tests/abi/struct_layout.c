/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The structures as a program has them compiled in, and as the commands fill them: every byte of them. */
#include "harness.h"

#include <stddef.h>

#define AT(type, field, offset, size)                                                                                  \
    _Static_assert(offsetof(struct type, field) == (offset) && sizeof((struct type *)0)->field == (size), #type "." #field)

#if __SIZEOF_LONG__ == 8
_Static_assert(sizeof(struct ipc_perm) == 48, "ipc_perm");
AT(ipc_perm, __key, 0, 4);
AT(ipc_perm, uid, 4, 4);
AT(ipc_perm, gid, 8, 4);
AT(ipc_perm, cuid, 12, 4);
AT(ipc_perm, cgid, 16, 4);
AT(ipc_perm, mode, 20, 4);
#if defined __GLIBC__ || defined __BIONIC__
AT(ipc_perm, __seq, 24, 2);
#else /* musl has one field for these two bytes and the padding behind them. */
AT(ipc_perm, __seq, 24, 4);
#endif

_Static_assert(sizeof(struct shmid_ds) == 112, "shmid_ds");
AT(shmid_ds, shm_perm, 0, 48);
AT(shmid_ds, shm_segsz, 48, 8);
AT(shmid_ds, shm_atime, 56, 8);
AT(shmid_ds, shm_dtime, 64, 8);
AT(shmid_ds, shm_ctime, 72, 8);
AT(shmid_ds, shm_cpid, 80, 4);
AT(shmid_ds, shm_lpid, 84, 4);
AT(shmid_ds, shm_nattch, 88, 8);

_Static_assert(sizeof(struct shminfo) == 72, "shminfo");
AT(shminfo, shmmax, 0, 8);
AT(shminfo, shmmin, 8, 8);
AT(shminfo, shmmni, 16, 8);
AT(shminfo, shmseg, 24, 8);
AT(shminfo, shmall, 32, 8);

_Static_assert(sizeof(struct shm_info) == 48, "shm_info");
AT(shm_info, used_ids, 0, 4);
AT(shm_info, shm_tot, 8, 8);
AT(shm_info, shm_rss, 16, 8);
AT(shm_info, shm_swp, 24, 8);
AT(shm_info, swap_attempts, 32, 8);
AT(shm_info, swap_successes, 40, 8);

_Static_assert(sizeof(key_t) == 4 && sizeof(pid_t) == 4 && sizeof(time_t) == 8 && sizeof(shmatt_t) == 8, "types");
#else /* A word of 32 bits; the upper halves of times in words of their own. */
_Static_assert(sizeof(struct ipc_perm) == 36, "ipc_perm");
AT(ipc_perm, mode, 20, 4);
_Static_assert(sizeof(struct shmid_ds) == 84, "shmid_ds");
AT(shmid_ds, shm_segsz, 36, 4);
AT(shmid_ds, shm_atime, 40, 4);
AT(shmid_ds, shm_dtime, 48, 4);
AT(shmid_ds, shm_ctime, 56, 4);
AT(shmid_ds, shm_cpid, 64, 4);
AT(shmid_ds, shm_nattch, 72, 4);
_Static_assert(sizeof(struct shminfo) == 36 && sizeof(struct shm_info) == 24, "shminfo, shm_info");
#endif

/* How many bytes from the start of the buffer the command writes: whatever follows is the caller's. */
static size_t written(int id, int cmd, unsigned char *bytes, size_t size)
{
    unsigned char again[256];
    memset(bytes, 0xaa, size);
    memset(again, 0x55, sizeof again);
    CHECK(shmctl(id, cmd, (struct shmid_ds *)bytes) >= 0);
    CHECK(shmctl(id, cmd, (struct shmid_ds *)again) >= 0);
    size_t end = size;
    while (end > 0 && bytes[end - 1] == 0xaa && again[end - 1] == 0x55)
        end--;
    CHECK(memcmp(bytes, again, end) == 0);
    return end;
}

static void check_zero(const unsigned char *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (bytes[i] != 0)
            FAIL("byte %zu is 0x%x, not 0", i, bytes[i]);
}

int main(void)
{
    unsigned char bytes[256];
    int id = NEW_SEGMENT(100, 0600);
    const int stats[] = {IPC_STAT, SHM_STAT, SHM_STAT_ANY};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(written(stats[i] == IPC_STAT ? id : id & 0x7fff, stats[i], bytes, sizeof bytes), sizeof(struct shmid_ds));
        check_zero(bytes, 26, sizeof(struct ipc_perm)); /* After the sequence. */
        /* After the count. */
        check_zero(bytes, sizeof(struct shmid_ds) - 2 * sizeof(long), sizeof(struct shmid_ds));
        struct shmid_ds fields;
        memcpy(&fields, bytes, sizeof fields);
        CHECK_EQ(fields.shm_perm.__seq, id >> 15);
    }
    if (sizeof(long) != 8)
        return 0;
    CHECK_EQ(written(0, IPC_INFO, bytes, sizeof bytes), 72);
    check_zero(bytes, 40, 72);
    CHECK_EQ(written(0, SHM_INFO, bytes, sizeof bytes), 48);
    check_zero(bytes, 4, 8);
    return 0;
}
