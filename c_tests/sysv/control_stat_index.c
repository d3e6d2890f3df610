/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHM_STAT and SHM_STAT_ANY take an index and return the id: how programs list all segments. */
#include "limits.h"

static void check_listing(int command, const int *ids, int count)
{
    struct shmid_ds information;
    int found = 0, highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0});
    for (int index = 0; index <= highest; index++) {
        int id = shmctl(index, command, &information);
        if (id == -1) {
            CHECK_EQ(errno, EINVAL);
            continue;
        }
        struct shmid_ds fields = FIELDS(id);
        CHECK_EQ(id % 32768, index);
        CHECK(memcmp(&fields, &information, sizeof fields) == 0);
        bool known = false;
        for (int i = 0; i < count; i++)
            known |= ids[i] == id;
        CHECK(known);
        found++;
    }
    CHECK_EQ(found, count);
    CHECK_ERRNO(shmctl(highest + 1, command, &information), EINVAL);
    /* The low 15 bits are the index, the higher ones are not looked at. */
    CHECK_EQ(shmctl(ids[0] ^ 5 << 15, command, &information), ids[0]);
}

static void body(void)
{
    struct shmid_ds fields;
    CHECK_ERRNO(shmctl(0, SHM_STAT, &fields), EINVAL);
    for (int i = 0; i < 70; i++) /* So that sequence numbers are in use. */
        REMOVE(NEW_SEGMENT(1, 0600));
    int ids[8];
    for (int i = 0; i < 8; i++) {
        ids[i] = NEW_SEGMENT(100 + (size_t)i, 0600);
        REMOVE(NEW_SEGMENT(1, 0600)); /* an empty slot between */
    }
    check_listing(SHM_STAT, ids, 8);
    check_listing(SHM_STAT_ANY, ids, 8);

    ATTACH(ids[7], NULL, 0);
    REMOVE(ids[7]); /* marked, and listed all the same */
    check_listing(SHM_STAT, ids, 8);
    CHECK_EQ(shmctl(ids[7] % 32768, SHM_STAT, &fields), ids[7]);
    CHECK_EQ(fields.shm_perm.mode, SHM_DEST | 0600);
    REMOVE(ids[6]);
    CHECK_ERRNO(shmctl(ids[6] % 32768, SHM_STAT, &fields), EINVAL);
}

int main(void)
{
    with_limits((struct limits){0}, body);
    return 0;
}
