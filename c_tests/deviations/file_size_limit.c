/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A segment is a file, and RLIMIT_FSIZE bounds it: creating a larger one fails with ENOSPC, where the kernel would
 * not mind. SIGXFSZ is never raised, and segments that are there already stay usable.
 */
#include "harness.h"

static void limited(void *argument)
{
    int id = *(int *)argument;
    key_t key = unique_key();
    struct rlimit limit;
    CHECK_OK(getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = 16 * page_size();
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
    CHECK_ERRNO(shmget(key, 17 * page_size(), IPC_CREAT | 0600), ENOSPC);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 17 * page_size(), SHM_NORESERVE | 0600), ENOSPC);
    sigset_t pending;
    CHECK_OK(sigpending(&pending));
    CHECK_EQ(sigismember(&pending, SIGXFSZ), 0);

    char *memory = ATTACH(id, NULL, 0);
    memory[50 * page_size()] = 1;
    CHECK_OK(shmdt(memory));
    CHECK_OK(shmget(key, 16 * page_size(), IPC_CREAT | 0600));
}

int main(void)
{
    int id = NEW_SEGMENT(100 * page_size(), 0600);
    RUN_CHILD(limited, &id);
    return 0;
}
