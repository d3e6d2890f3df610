/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* With forced removal a segment goes with its last attachment, and a never attached one with its creator. */
#include "limits.h"

static int *id_from_child;

static void create(void *unused)
{
    (void)unused;
    *id_from_child = NEW_SEGMENT(100, 0600);
    CHECK_EQ(MODE(*id_from_child), 0600);
}

static void create_attached_by_parent(void *argument)
{
    struct channel *channels = argument;
    int id = NEW_SEGMENT(100, 0600);
    put_number(channels[0], id);
    get_number(channels[1]); /* until the parent has attached */
}

static void last_detach(void)
{
    int id = NEW_SEGMENT(100, 0600);
    CHECK_EQ(NATTCH(id), 0); /* Its creator lives. */
    char *first = ATTACH(id, NULL, 0), *second = ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(first));
    CHECK_EQ(MODE(id), 0600);
    CHECK_OK(shmdt(second));
    CHECK_GONE(id);

    id = NEW_SEGMENT(page_size(), 0600);
    CHECK_OK(munmap(ATTACH(id, NULL, 0), page_size()));
    CHECK_GONE(id);
}

static void creator_exit(void)
{
    RUN_CHILD(create, NULL);
    CHECK_GONE(*id_from_child);

    struct channel channels[2] = {new_channel(), new_channel()};
    pid_t child = start_child(create_attached_by_parent, channels);
    int id = (int)get_number(channels[0]);
    char *memory = ATTACH(id, NULL, 0);
    put_number(channels[1], 0);
    EXPECT_EXIT(child, PASSED);
    CHECK_EQ(NATTCH(id), 1); /* attached, so it stays */
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
}

/* A process that ends takes its attachments with it, and so the segment. */
static void attach_and_leave(void *id)
{
    ATTACH(*(int *)id, NULL, 0);
}

static void exit_of_the_last_one(void)
{
    int id = NEW_SEGMENT(100, 0600);
    RUN_CHILD(attach_and_leave, &id);
    CHECK_GONE(id);
}

static void forced(void)
{
    id_from_child = shared_with_children(sizeof *id_from_child);
    last_detach();
    creator_exit();
    exit_of_the_last_one();
}

static void not_forced(void)
{
    id_from_child = shared_with_children(sizeof *id_from_child);
    RUN_CHILD(create, NULL);
    CHECK_EQ(NATTCH(*id_from_child), 0);
    int id = NEW_SEGMENT(100, 0600);
    RUN_CHILD(attach_and_leave, &id);
    CHECK_EQ(NATTCH(id), 0);
}

int main(void)
{
    with_limits((struct limits){.rmid_forced = "1"}, forced);
    with_limits((struct limits){.rmid_forced = "0"}, not_forced);
    return 0;
}
