/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHMALL: how many pages all segments together may have, removed but attached ones included. */
#include "limits.h"

static void ten_pages(void)
{
    size_t page = page_size();
    CHECK_ERRNO(shmget(IPC_PRIVATE, 11 * page, 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 10 * page + 1, 0600), ENOSPC);
    int whole = NEW_SEGMENT(10 * page, 0600);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    REMOVE(whole);

    int first = NEW_SEGMENT(4 * page + 1, 0600), second = NEW_SEGMENT(5 * page, 0600); /* five pages each */
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    char *memory = ATTACH(first, NULL, 0);
    REMOVE(first);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
    CHECK_OK(shmdt(memory));
    int third = NEW_SEGMENT(5 * page, 0600);
    REMOVE(second);
    REMOVE(third);
    NEW_SEGMENT(10 * page, 0600);
}

/* Looked at before the kind of page and the memory that is there. */
static void order(void)
{
    size_t page = page_size();
    CHECK_ERRNO(shmget(IPC_PRIVATE, 11 * page, SHM_HUGETLB | (int)(63u << SHM_HUGE_SHIFT) | 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 50, 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)1 << 63, 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 11 * page, SHM_NORESERVE | 0600), ENOSPC);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
}

static void zero(void)
{
    CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
}

int main(void)
{
    with_limits((struct limits){.shmall = "10"}, ten_pages);
    with_limits((struct limits){.shmall = "10"}, order);
    with_limits((struct limits){.shmall = "0"}, zero);
    return 0;
}
