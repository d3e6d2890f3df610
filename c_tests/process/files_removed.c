/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Somebody cleans up: files of a namespace in use lose their names, the bookkeeping's, then all. Nobody who lives is
 * taken for dead for that, no memory is lost under those who use it, and every member goes on.
 */
#include "surroundings.h"

enum { USERS = 5 };

static int id, removed;
static struct channel ready, go[USERS];

static bool is_segment(const char *name)
{
    return strncmp(name, "segment-", 8) == 0;
}

static void unlink_bookkeeping(const char *path, const char *name)
{
    if (!is_segment(name) && strcmp(name, "registry") != 0)
        unlink(path);
}

static void unlink_registry(const char *path, const char *name)
{
    if (strcmp(name, "registry") == 0)
        unlink(path);
}

static void unlink_any(const char *path, const char *name)
{
    (void)name;
    unlink(path);
}

static void replace_by_empty(const char *path, const char *name)
{
    if (is_segment(name) || strcmp(name, "registry") == 0 || unlink(path) == -1)
        return;
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    CHECK_OK(file);
    close(file);
}

static void user(void *argument)
{
    long number = (long)argument;
    char *memory = ATTACH(id, NULL, 0), *kept = ATTACH(removed, NULL, 0);
    kept[number] = 'u';
    put_number(ready, number);
    get_number(go[number]);
    CHECK_EQ(kept[number], 'u');
    CHECK(NATTCH(id) >= 1);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(kept[number], 'u');
    put_number(ready, number);
    get_number(go[number]);
    CHECK_OK(shmdt(kept));
}

/* Whatever collects what is given up. */
static void sweep(void)
{
    for (int i = 0; i < 4; i++) {
        int other = shmget(IPC_PRIVATE, 100, 0600);
        if (other == -1) { /* Where its file would lie there may be nothing. */
            CHECK(!on_kernel());
            continue;
        }
        REMOVE(other);
    }
    CHECK_ERRNO(shmctl(-1, IPC_STAT, &(struct shmid_ds){0}), EINVAL);
}

static void after(void (*visit)(const char *, const char *))
{
    pid_t process[USERS];
    id = NEW_SEGMENT(100, 0600);
    removed = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(removed, NULL, 0);
    memory[USERS] = 'm';
    for (long i = 0; i < USERS; i++) {
        process[i] = start_child(user, (void *)i);
        get_number(ready);
    }
    REMOVE(removed);
    CHECK_EQ(NATTCH(removed), 2 * USERS + 1); /* They inherited one. */
    each_file(visit);
    CHECK_EQ(NATTCH(id), USERS);
    sweep();
    CHECK_EQ(NATTCH(id), USERS);
    CHECK_OK(kill(process[0], SIGKILL)); /* A dead one may count for as long as nobody can ask. */
    EXPECT_SIGNAL(process[0], SIGKILL);
    sweep();
    CHECK(NATTCH(id) >= USERS - 1 && NATTCH(id) <= USERS);
    CHECK_OK(shmdt(memory));
    sweep();
    for (long i = 1; i < USERS; i++) {
        put_number(go[i], 0);
        get_number(ready);
        sweep();
    }
    CHECK(NATTCH(id) <= 1);
    for (long i = 1; i < USERS; i++) {
        put_number(go[i], 0);
        EXPECT_EXIT(process[i], PASSED);
    }
    sweep();
    CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

static void bookkeeping(void *nothing)
{
    (void)nothing;
    after(unlink_bookkeeping);
    after(replace_by_empty);
}

static void registry(void *nothing)
{
    (void)nothing;
    after(unlink_registry);
}

static void everything(void *nothing)
{
    (void)nothing;
    after(unlink_any);
}

/* Each in a process that begins anew: with a namespace that is its own. */
static void in_new_place(void (*body)(void *))
{
    if (!on_kernel())
        CHECK_OK(setenv("PARTAGE_DIR", new_directory(), 1));
    RUN_CHILD(body, NULL);
}

int main(void)
{
    ready = new_channel();
    for (int i = 0; i < USERS; i++)
        go[i] = new_channel();
    in_new_place(bookkeeping);
    in_new_place(registry);
    in_new_place(everything);
    return 0;
}
