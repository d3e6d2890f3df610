/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Children of children count too, and what each attaches or detaches is its own. */
#include "harness.h"

enum { DEPTH = 5 };

static int id, extra;
static char *memory;

static void generation(void *argument)
{
    long level = (long)argument;
    CHECK_EQ(NATTCH(id), level + 1);
    char *own = ATTACH(extra, NULL, 0);
    own[level] = (char)level;
    memory[level] = (char)level;
    if (level < DEPTH)
        RUN_CHILD(generation, (void *)(level + 1));
    CHECK_EQ(NATTCH(id), level + 1);
    /* Each of the generations above has attached it, and each fork passed on all the attachments so far. */
    CHECK_EQ(NATTCH(extra), level * (level + 1) / 2);
}

int main(void)
{
    id = NEW_SEGMENT(100, 0600);
    extra = NEW_SEGMENT(100, 0600);
    memory = ATTACH(id, NULL, 0);
    RUN_CHILD(generation, (void *)1);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(NATTCH(extra), 0);
    for (int level = 1; level <= DEPTH; level++)
        CHECK_EQ(memory[level], level);
    return 0;
}
