/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmget with SHM_HUGETLB where the pool of huge pages is empty: page size, then privilege, then the pool. */
#include "users.h"

#define LOG2_SIZE(log2) ((int)((unsigned)(log2) << SHM_HUGE_SHIFT))

static void as_user(void *unused)
{
    (void)unused;
    become_user(1001, 1001);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | LOG2_SIZE(63) | 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), EPERM);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | SHM_NORESERVE | 0600), EPERM);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, SHM_HUGETLB | 0600), EINVAL);
}

/* Group 0 may use huge pages while vm.hugetlb_shm_group is 0, as it is unless somebody has set it. */
static void as_user_in_group_0(void *unused)
{
    (void)unused;
    become_user(1001, 0);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), ENOMEM);
}

static long number_in(const char *path)
{
    long number = -1;
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%ld", &number) != 1)
            number = -1;
        fclose(file);
    }
    return number;
}

int main(void)
{
    share_namespace();
    if (number_in("/proc/sys/vm/nr_hugepages") != 0 || number_in("/proc/sys/vm/nr_overcommit_hugepages") != 0)
        SKIP("the kernel has a pool of huge pages, or none at all");

    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | 0600), ENOMEM);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, IPC_NOWAIT | 0600), ENOMEM); /* the same bit */
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, SHM_HUGETLB | 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | LOG2_SIZE(63) | 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | LOG2_SIZE(12) | 0600), EINVAL);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | SHM_NORESERVE | LOG2_SIZE(63) | 0600), EINVAL);
    if (page_size() == 4096)
        CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | LOG2_SIZE(21) | 0600), ENOMEM);
    if (access("/sys/kernel/mm/hugepages/hugepages-1048576kB", F_OK) == 0)
        CHECK_ERRNO(shmget(IPC_PRIVATE, 100, SHM_HUGETLB | LOG2_SIZE(30) | 0600), ENOMEM);
    RUN_CHILD(as_user, NULL);
    if (number_in("/proc/sys/vm/hugetlb_shm_group") == 0)
        RUN_CHILD(as_user_in_group_0, NULL);

    /* The size bits alone ask for nothing. */
    int id = NEW_SEGMENT(100, LOG2_SIZE(21) | 0600);
    CHECK_EQ(MODE(id), 0600);
    id = NEW_SEGMENT(100, LOG2_SIZE(63) | 0600);
    CHECK_EQ(MODE(id), 0600);
    return 0;
}
