/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shmdt takes the address of an attachment and nothing else, and touches nothing else. */
#include "harness.h"

int main(void)
{
    int id = NEW_SEGMENT(3 * page_size(), 0600), on_stack = 7;
    char *plain = reserve(3, PROT_READ | PROT_WRITE), *hole = free_range(1);
    plain[0] = 1;
    char *memory = ATTACH(id, NULL, 0);
    struct shmid_ds before = FIELDS(id);
    next_second();

    CHECK_ERRNO(shmdt(NULL), EINVAL);
    CHECK_ERRNO(shmdt((void *)-1), EINVAL);
    CHECK_ERRNO(shmdt((void *)(-(uintptr_t)page_size())), EINVAL); /* a kernel address */
    CHECK_ERRNO(shmdt((void *)((uintptr_t)1 << 62)), EINVAL);
    CHECK_ERRNO(shmdt(memory + 1), EINVAL);
    CHECK_ERRNO(shmdt(memory + page_size() - 1), EINVAL);
    CHECK_ERRNO(shmdt(pages_up(memory, 1)), EINVAL); /* inside */
    CHECK_ERRNO(shmdt(pages_up(memory, 2)), EINVAL);
    CHECK_ERRNO(shmdt(pages_up(memory, -1)), EINVAL);
    CHECK_ERRNO(shmdt(pages_up(memory, 3)), EINVAL);
    CHECK_ERRNO(shmdt(hole), EINVAL);
    CHECK_ERRNO(shmdt(plain), EINVAL);
    CHECK_ERRNO(shmdt(&on_stack), EINVAL);
    CHECK_ERRNO(shmdt((void *)((uintptr_t)&on_stack & -page_size())), EINVAL);

    struct shmid_ds after = FIELDS(id);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK_EQ(plain[0], 1);
    memory[0] = 1;

    CHECK_OK(shmdt(memory));
    CHECK(!is_mapped(memory) && !is_mapped(pages_up(memory, 1)) && !is_mapped(pages_up(memory, 2)));
    after = FIELDS(id);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    before = FIELDS(id);
    CHECK(memcmp(&before, &after, sizeof before) == 0);

    /* Another mapping at the address of a former attachment is nobody's attachment. */
    CHECK(mmap(memory, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    CHECK(is_mapped(memory));
    return 0;
}
