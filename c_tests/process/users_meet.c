/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client's private segment is attached by a server of another user by its id, removed before or after that. */
#include "users.h"

static int id;
static struct channel to_server, to_client;

/* As an X server: attaches what the client names, read-only or not, and looks at its fields first. */
static void server(void *nothing)
{
    (void)nothing;
    become_user(BOB, GUESTS);
    for (int round = 0; round < 2; round++) {
        id = (int)get_number(to_server);
        struct shmid_ds fields = FIELDS(id);
        CHECK_EQ(fields.shm_segsz, 5000);
        CHECK_EQ(fields.shm_nattch, 1);
        char *memory = ATTACH(id, NULL, round == 0 ? SHM_RDONLY : 0);
        put_number(to_client, 1);
        get_number(to_server);
        CHECK_EQ(memory[4999], 'x');
        CHECK_OK(shmdt(memory));
        put_number(to_client, 2);
    }
}

static void client(bool removes_first)
{
    id = NEW_SEGMENT(5000, 0777);
    char *memory = ATTACH(id, NULL, 0);
    if (removes_first)
        REMOVE(id);
    put_number(to_server, id);
    get_number(to_client);
    if (!removes_first)
        REMOVE(id);
    CHECK_EQ(NATTCH(id), 2);
    memory[4999] = 'x';
    CHECK_OK(shmdt(memory));
    put_number(to_server, 1);
    get_number(to_client);
    CHECK_GONE(id);
}

static void clients(void *nothing)
{
    (void)nothing;
    become_user(ALICE, CREW);
    client(false);
    client(true);
}

int main(void)
{
    share_namespace();
    to_server = new_channel();
    to_client = new_channel();
    pid_t serving = start_child(server, NULL);
    RUN_CHILD(clients, NULL);
    EXPECT_EXIT(serving, 0);
    return 0;
}
