/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A name that cannot be read is a fault, never an object. The C library reads it in the process: SIGSEGV. */
#include "objects.h"

static void open_unreadable(void *name)
{
    int result = shm_open(name, O_CREAT | O_RDWR, 0600);
    _exit(result == -1 && errno == EFAULT ? 2 : 3);
}

static void unlink_unreadable(void *name)
{
    int result = shm_unlink(name);
    _exit(result == -1 && errno == EFAULT ? 2 : 3);
}

static void check_faults(void (*body)(void *), void *name)
{
    struct rlimit no_core = {0, 0};
    CHECK_OK(setrlimit(RLIMIT_CORE, &no_core));
    int status = status_of(start_child(body, name));
    bool signalled = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
    /* The library may tell the caller instead: that is no less of a failure. */
    bool told = WIFEXITED(status) && WEXITSTATUS(status) == 2;
    if (!signalled && (on_kernel() || !told))
        FAIL("wait status 0x%x for the name %p", (unsigned)status, name);
}

int main(void)
{
    char *nowhere = free_range(1);
    char *locked = reserve(1, PROT_NONE);
    void *unreadable[] = {NULL, nowhere, locked, (void *)~(uintptr_t)0};
    for (int i = 0; i < 4; i++) {
        check_faults(open_unreadable, unreadable[i]);
        check_faults(unlink_unreadable, unreadable[i]);
    }
    return 0;
}
