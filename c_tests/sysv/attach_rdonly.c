/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SHM_RDONLY stays read-only, whatever mprotect is asked; a plain attachment may get any protection. */
#include "harness.h"

#ifndef SEGV_ACCERR
#define SEGV_ACCERR 2
#endif

static void read_only(int id)
{
    int code;
    char *writer = ATTACH(id, NULL, 0), *reader = ATTACH(id, NULL, SHM_RDONLY);
    CHECK_EQ(strcmp(protection_at(reader), "r--s"), 0);
    writer[10] = 4;
    CHECK_EQ(reader[10], 4);
    CHECK_EQ(touch(reader, true, &code), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    CHECK_ERRNO(mprotect(reader, page_size(), PROT_READ | PROT_WRITE), EACCES);
    CHECK_ERRNO(mprotect(reader, page_size(), PROT_WRITE), EACCES);
    CHECK_EQ(store_signal(reader), SIGSEGV);
    CHECK_OK(mprotect(reader, page_size(), PROT_READ | PROT_EXEC));
    CHECK_EQ(strcmp(protection_at(reader), "r-xs"), 0);
    CHECK_OK(mprotect(reader, page_size(), PROT_NONE));
    CHECK_EQ(load_signal(reader), SIGSEGV);
    CHECK_OK(mprotect(reader, page_size(), PROT_READ));
    CHECK_EQ(load_signal(reader), 0);
    CHECK_OK(shmdt(reader));
    CHECK_OK(shmdt(writer));
}

static void read_and_write(int id)
{
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(strcmp(protection_at(memory), "rw-s"), 0);
    CHECK_OK(mprotect(memory, page_size(), PROT_READ | PROT_WRITE | PROT_EXEC));
    CHECK_EQ(strcmp(protection_at(memory), "rwxs"), 0);
    CHECK_OK(mprotect(memory, page_size(), PROT_READ));
    CHECK_EQ(store_signal(memory), SIGSEGV);
    CHECK_OK(mprotect(memory, page_size(), PROT_READ | PROT_WRITE));
    CHECK_EQ(store_signal(memory), 0);
    CHECK_EQ(NATTCH(id), 1); /* The protection of the whole does not split it. */
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    int id = NEW_SEGMENT(100, 0600);
    read_only(id);
    read_and_write(id);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
