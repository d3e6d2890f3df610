/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* siglongjmp out of handlers that interrupt shmat and shmdt: the count is that of the mappings, and all can be detached. */
#include "jumps.h"
#include "mappings.h"

enum { JUMPS = 400, PAGES = 3 };

/* What a jump has cut short is settled by the thread's next call from no deeper in the stack than that was. */
static void count_is_exact(int id, struct mapped_file file)
{
    CHECK_EQ(NATTCH(id), mapped_in(getpid(), file).count);
}

int main(void)
{
    int id = NEW_SEGMENT(PAGES * page_size(), 0600);
    char *kept = ATTACH(id, NULL, 0);
    struct mapped_file file = file_at(kept);
    signal(SIGALRM, jump_out);
    alarm_every(200);
    while (LANDING, jumps < JUMPS) {
        if (jumps % 20 == 0) {
            CHECK_ERRNO(shmdt(NULL), EINVAL);
            count_is_exact(id, file);
        }
        armed = 1;
        for (;;) { /* Whatever the jump left attached is known to nobody. */
            void *volatile one = shmat(id, NULL, 0);
            void *volatile two = shmat(id, NULL, SHM_RDONLY);
            shmdt(one);
            shmdt(two);
        }
    }
    alarm_every(0);
    CHECK_ERRNO(shmdt(NULL), EINVAL);
    count_is_exact(id, file);
    detach_all(file);
    CHECK_EQ(NATTCH(id), 0);
    REMOVE(id);
    CHECK_GONE(id);
    return 0;
}
