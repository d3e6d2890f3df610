/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* UCX: huge pages are tried first; an attachment is attached again at its very address, and detached once. */
#include "harness.h"

int main(void)
{
    size_t size = 2 << 20;
    int id = shmget(IPC_PRIVATE, size, IPC_CREAT | IPC_EXCL | SHM_HUGETLB | 0600);
    if (id == -1) {
        CHECK(errno == ENOMEM || errno == EPERM || errno == EINVAL);
        id = NEW_SEGMENT(size, IPC_CREAT | IPC_EXCL | 0600);
    }
    removed_at_end(id);
    CHECK_EQ(NATTCH(id), 0);
    char *memory = ATTACH(id, NULL, 0);
    memory[0] = 'u';
    CHECK_EQ(NATTCH(id), 1);
    CHECK(ATTACH(id, memory, SHM_REMAP) == memory);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(memory[0], 'u');
    memory[size - 1] = 'x';
    CHECK_OK(shmdt(memory));
    CHECK(!is_mapped(memory));
    CHECK_EQ(NATTCH(id), 0);
    CHECK_ERRNO(shmdt(memory), EINVAL);
    return 0;
}
