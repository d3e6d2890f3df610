/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmat at an address: exactly there if the whole range is free, EINVAL if any mapping intersects it. */
#include "harness.h"

static void busy(int id, char *address)
{
    CHECK_ERRNO(shmat(id, address, 0), EINVAL);
    CHECK_ERRNO(shmat(id, address, SHM_RDONLY), EINVAL);
    CHECK_ERRNO(shmat(id, address + 5, SHM_RND), EINVAL);
}

int main(void)
{
    int id = NEW_SEGMENT(2 * page_size() + 1, 0600); /* three pages */
    char *base = reserve(12, PROT_NONE);
    busy(id, base);

    CHECK_OK(munmap(pages_up(base, 2), 4 * page_size())); /* pages 2 to 5 are free */
    busy(id, base);
    busy(id, pages_up(base, 1)); /* one page too low */
    busy(id, pages_up(base, 4)); /* one page too high */
    char *memory = ATTACH(id, pages_up(base, 2), 0);
    CHECK(memory == pages_up(base, 2));
    memory[0] = 1;

    /* Another attachment is in the way like any other mapping. */
    busy(id, memory);
    busy(id, pages_up(memory, 1));
    CHECK_OK(munmap(pages_up(base, 6), 2 * page_size()));
    char *above = ATTACH(id, pages_up(memory, 3), 0); /* directly above the first */
    CHECK(above == pages_up(memory, 3));
    CHECK_EQ(above[0], 1);
    CHECK_EQ(NATTCH(id), 2);

    CHECK_OK(shmdt(memory));
    CHECK_EQ(above[0], 1);
    CHECK(!is_mapped(memory) && !is_mapped(pages_up(memory, 2)));
    CHECK(is_mapped(pages_up(base, 1)) && is_mapped(pages_up(base, 8)));
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
