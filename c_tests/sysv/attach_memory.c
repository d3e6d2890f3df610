/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What an attachment maps: zeroed memory, whole pages. The bytes after the size in the last page are there and
 * shared; the page after it is not. Content stays with nobody attached.
 */
#include "harness.h"

static void sizes(size_t size, long pages)
{
    int id = NEW_SEGMENT(size, 0600);
    char *place = free_range(pages + 2);
    char *memory = ATTACH(id, place, 0);
    char *alias = ATTACH(id, NULL, SHM_RDONLY);
    size_t bytes = (size_t)pages * page_size();
    CHECK_EQ(FIELDS(id).shm_segsz, size);
    for (size_t i = 0; i < bytes; i++)
        CHECK_EQ(memory[i], 0);
    for (size_t i = 0; i < bytes; i++)
        memory[i] = (char)(i * 31);
    CHECK(memcmp(memory, alias, bytes) == 0);
    CHECK(!is_mapped(pages_up(memory, pages)));
    CHECK_EQ(load_signal(pages_up(memory, pages)), SIGSEGV);

    CHECK_OK(shmdt(memory));
    CHECK_OK(shmdt(alias));
    CHECK_EQ(NATTCH(id), 0);
    memory = ATTACH(id, NULL, 0);
    for (size_t i = 0; i < bytes; i++)
        CHECK_EQ(memory[i], (char)(i * 31));
    CHECK_OK(shmdt(memory));
    REMOVE(id);
}

int main(void)
{
    size_t page = page_size();
    sizes(1, 1);
    sizes(56, 1);
    sizes(page - 1, 1);
    sizes(page, 1);
    sizes(page + 1, 2);
    sizes(5 * page, 5);
    return 0;
}
