/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A server that attaches and then goes where it can reach nothing: its workers come and go, many at a time and one by
 * one, and each is counted for exactly as long as it lives, which others see.
 */
#include "reach.h"

enum { AT_ONCE = 100, ONE_BY_ONE = 200 };

static int id;
static const char *elsewhere;
static struct channel question, answer;

/* Looks from outside. */
static void be_observer(void *nothing)
{
    (void)nothing;
    while (get_number(question) == 0)
        put_number(answer, NATTCH(id));
}

static long count_seen(void)
{
    put_number(question, 0);
    return get_number(answer);
}

static void wait_for_end(void *argument)
{
    get_number(*(struct channel *)argument);
}

static void end(void *nothing)
{
    (void)nothing;
}

static void serve(void *argument)
{
    enum reach how = *(enum reach *)argument;
    pid_t workers[AT_ONCE];
    struct channel go = new_channel();
    void *memory = ATTACH(id, NULL, 0);
    lose(how, elsewhere);
    for (int i = 0; i < AT_ONCE; i++)
        workers[i] = start_child(wait_for_end, &go);
    CHECK_EQ(count_seen(), 1 + AT_ONCE);
    for (int i = 0; i < AT_ONCE; i++)
        put_number(go, 0);
    for (int i = 0; i < AT_ONCE; i++)
        EXPECT_EXIT(workers[i], PASSED);
    CHECK_EQ(count_seen(), 1);
    for (int i = 0; i < ONE_BY_ONE; i++)
        RUN_CHILD(end, NULL);
    CHECK_EQ(count_seen(), 1);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(count_seen(), 0);
}

int main(void)
{
    need_root();
    question = new_channel();
    answer = new_channel();
    elsewhere = new_directory();
    id = NEW_SEGMENT(100, 0666);
    pid_t observer = start_child(be_observer, NULL);
    for (enum reach how = 0; how < REACHES; how++)
        RUN_CHILD(serve, &how);
    put_number(question, 1);
    EXPECT_EXIT(observer, PASSED);
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
