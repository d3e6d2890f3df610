/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A removed segment lives on in a forked child after its parent has let go, and ends with that child. */
#include "harness.h"

static int id;
static char *memory;
static struct channel go;

static void child(void *nothing)
{
    (void)nothing;
    get_number(go);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(MODE(id) & 01000, 01000);
    CHECK_EQ(memory[0], 'm');
    ATTACH(id, NULL, 0)[1] = 'n'; /* By its id, even now. */
    CHECK_EQ(memory[1], 'n');
}

int main(void)
{
    go = new_channel();
    id = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    memory[0] = 'm';
    pid_t forked = start_child(child, NULL);
    REMOVE(id);
    CHECK_OK(shmdt(memory));
    put_number(go, 1);
    EXPECT_EXIT(forked, 0);
    CHECK_GONE(id);
    CHECK_ERRNO(shmat(id, NULL, 0), EINVAL);
    return 0;
}
