/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Removal while others look: EINVAL or EIDRM, never anything else, and never another segment's memory. */
#include "harness.h"

enum { ROUNDS = 3000, LOOKERS = 3 };

static atomic_int *current; /* the id to go for; -1: no more */

static void check_errno(long result)
{
    if (result == -1 && errno != EINVAL && errno != EIDRM)
        FAIL("errno %d (%s)", errno, strerror(errno));
}

static void look(void *unused)
{
    (void)unused;
    for (int id; (id = *current) != -1;) {
        struct shmid_ds fields;
        volatile int *memory = shmat(id, NULL, 0);
        check_errno((long)memory);
        if ((long)memory != -1) {
            if (*memory != 0 && *memory != id)
                FAIL("attached %d, found the content of %d", id, *memory);
            CHECK_OK(shmdt((void *)memory));
        }
        check_errno(shmctl(id, IPC_STAT, &fields));
        check_errno(shmctl(id, SHM_LOCK, NULL));
        check_errno(shmctl(id, SHM_UNLOCK, NULL));
    }
}

int main(void)
{
    current = shared_with_children(sizeof *current);
    pid_t children[LOOKERS];
    int id = NEW_SEGMENT(100, 0600);
    *current = id;
    for (int i = 0; i < LOOKERS; i++)
        children[i] = start_child(look, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int next = shmget(IPC_PRIVATE, 100, 0600);
        CHECK_OK(next);
        *current = next;
        REMOVE(id);
        id = next;
        int *memory = (int *)(void *)ATTACH(id, NULL, 0);
        *memory = id;
        CHECK_OK(shmdt(memory));
    }
    removed_at_end(id);
    *current = -1;
    for (int i = 0; i < LOOKERS; i++)
        EXPECT_EXIT(children[i], PASSED);
    return 0;
}
