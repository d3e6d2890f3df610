/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * siglongjmp out of handlers that interrupt munmap of a part, and shmat over a part: each part that stays is an attachment,
 * and none is that does not.
 */
#include "jumps.h"
#include "mappings.h"

enum { JUMPS = 400, PAGES = 4, PLACES = 6, AREA = PAGES + PLACES };

static int id;
static char *area;
static volatile unsigned seed = 1;

static unsigned chosen(unsigned among)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % among;
}

static bool is_of_file(uintptr_t address, struct mapped_file file, void *argument)
{
    struct search *search = argument;
    search->count += file.device == search->file.device && file.inode == search->file.inode;
    (void)address;
    return true;
}

/* What a jump has cut short is settled by the thread's next call from no deeper in the stack than that was. */
static void count_is_exact(struct mapped_file file)
{
    struct search search = {.file = file};
    CHECK_ERRNO(shmdt(NULL), EINVAL);
    each_mapping(getpid(), is_of_file, &search);
    CHECK_EQ(NATTCH(id), search.count);
}

int main(void)
{
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    struct mapped_file file = file_at(ATTACH(id, NULL, 0));
    /* Where the kernel maps nothing of its own choice. */
    area = mmap((void *)0x200000000000, AREA * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    signal(SIGALRM, jump_out);
    alarm_every(200);
    while (LANDING, jumps < JUMPS) {
        if (jumps % 4 == 0)
            count_is_exact(file);
        armed = 1;
        for (;;) {
            shmat(id, pages_up(area, chosen(PLACES)), SHM_REMAP);
            munmap(pages_up(area, chosen(AREA)), (1 + chosen(2)) * page_size());
        }
    }
    alarm_every(0);
    count_is_exact(file);
    return 0;
}
