/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IPC_INFO and SHM_INFO: limits, totals, and the highest index in use. */
#include "limits.h"

static int get_limits(struct shminfo *limits)
{
    memset(limits, 0xff, sizeof *limits);
    return shmctl(0, IPC_INFO, (struct shmid_ds *)limits);
}

static int get_totals(struct shm_info *totals)
{
    memset(totals, 0xff, sizeof *totals);
    return shmctl(0, SHM_INFO, (struct shmid_ds *)totals);
}

static void check_limits(unsigned long shmmax, unsigned long shmmni, unsigned long shmall)
{
    struct shminfo limits;
    CHECK_EQ(get_limits(&limits), 0);
    CHECK_EQ(limits.shmmax, shmmax);
    CHECK_EQ(limits.shmmin, 1);
    CHECK_EQ(limits.shmmni, shmmni);
    CHECK_EQ(limits.shmseg, shmmni);
    CHECK_EQ(limits.shmall, shmall);
    static const char zeroes[sizeof limits];
    CHECK(memcmp((char *)&limits + 40, zeroes, sizeof limits - 40) == 0);
    CHECK_EQ(shmctl(12345, IPC_INFO, (struct shmid_ds *)&limits), 0); /* The id does not matter. */
}

static void check_totals(int used_ids, unsigned long shm_tot, unsigned long shm_rss)
{
    struct shm_info totals;
    CHECK_OK(get_totals(&totals));
    CHECK_EQ(totals.used_ids, used_ids);
    CHECK_EQ(totals.shm_tot, shm_tot);
    CHECK_EQ(totals.shm_rss, shm_rss);
    CHECK_EQ(totals.swap_attempts, 0);
    CHECK_EQ(totals.swap_successes, 0);
}

static void default_limits(void)
{
    unsigned long most = -1ul - (1ul << 24);
    check_limits(most, 4096, most);
}

static void other_limits(void)
{
    check_limits(1000000, 77, 5000);
}

/* Memory counts as resident once touched, also by a load, and stays so when detached. */
static void totals(void)
{
    check_totals(0, 0, 0);
    int first = NEW_SEGMENT(1, 0600), second = NEW_SEGMENT(3 * page_size() + 1, 0600);
    check_totals(2, 5, 0);
    volatile char *memory = ATTACH(second, NULL, 0);
    check_totals(2, 5, 0);
    memory[0] = 1;
    check_totals(2, 5, 1);
    (void)memory[2 * page_size()];
    check_totals(2, 5, 2);
    CHECK_OK(madvise((char *)memory, page_size(), MADV_REMOVE));
    check_totals(2, 5, 1);
    CHECK_OK(shmdt((char *)memory));
    check_totals(2, 5, 1);

    struct shm_info information;
    struct shminfo limits;
    CHECK_EQ(get_totals(&information), second % 32768);
    CHECK_EQ(get_limits(&limits), second % 32768);
    char *again = ATTACH(second, NULL, 0);
    REMOVE(second); /* Marked ones count until they are gone. */
    check_totals(2, 5, 1);
    CHECK_EQ(get_totals(&information), second % 32768);
    CHECK_OK(shmdt(again));
    check_totals(1, 1, 0);
    CHECK_EQ(get_totals(&information), first % 32768);
    REMOVE(first);
    check_totals(0, 0, 0);
    CHECK_EQ(get_totals(&information), 0);
    CHECK_EQ(get_limits(&limits), 0);
}

int main(void)
{
    with_limits((struct limits){0}, default_limits);
    with_limits((struct limits){.shmmax = "1000000", .shmmni = "77", .shmall = "5000"}, other_limits);
    with_limits((struct limits){0}, totals);
    return 0;
}
