/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arm64: a tag in the highest byte of an address is ignored by the processor. The kernel's calls on memory that is mapped
 * ignore it too, for a process that asked for that; shmat(2) and shmdt(2) are the exceptions that its document names.
 */
#include "harness.h"

#include <sys/prctl.h>

#ifndef PR_SET_TAGGED_ADDR_CTRL
#define PR_SET_TAGGED_ADDR_CTRL 55
#define PR_TAGGED_ADDR_ENABLE 1
#endif

#ifdef __aarch64__
static void *tagged(const void *address)
{
    return (void *)((uintptr_t)address | (uintptr_t)0x2a << 56);
}
#endif

int main(void)
{
#ifndef __aarch64__
    SKIP("addresses have tags on arm64 only");
#else
    if (prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, 0) != 0)
        SKIP("a kernel before 5.4, or one that is not to take tagged addresses");
    int id = NEW_SEGMENT(2 * page_size(), 0600);
    char *memory = ATTACH(id, NULL, 0);
    strcpy(tagged(memory), "written by a tagged address");
    CHECK(strcmp(memory, "written by a tagged address") == 0);

    CHECK_ERRNO(shmdt(tagged(memory)), EINVAL);
    CHECK_EQ(NATTCH(id), 1);
    void *refused = shmat(id, tagged(memory + 64 * page_size()), 0);
    CHECK(refused == (void *)-1);
    CHECK_EQ(NATTCH(id), 1);

    char *second = ATTACH(id, NULL, 0);
    CHECK_EQ(NATTCH(id), 2);
    CHECK(mremap(tagged(second), 2 * page_size(), page_size(), 0) != MAP_FAILED);
    CHECK_EQ(NATTCH(id), 2);
    CHECK_OK(munmap(tagged(second), page_size()));
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(munmap(tagged(memory), 2 * page_size()));
    CHECK_EQ(NATTCH(id), 0);
    REMOVE(id);
    return 0;
#endif
}
