/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A segment that was made when there were hundreds is found by its key and by its id, also by a process that has looked
 * at others only and can open and map nothing any more. No key gets a second segment.
 */
#include "limits.h"
#include "reach.h"

enum { OTHERS = 700 };

static const char *elsewhere;

static long from_environment(const char *name)
{
    const char *value = getenv(name);
    CHECK(value != NULL);
    return strtol(value, NULL, 10);
}

/* In a new program, which has not seen the namespace yet. */
static void look(void)
{
    key_t key = (key_t)from_environment("TEST_KEY"), near = (key_t)from_environment("TEST_NEAR");
    int id = (int)from_environment("TEST_ID");
    struct shmid_ds fields;
    CHECK_OK(shmdt(ATTACH(shmget(near, 0, 0), NULL, 0)));
    lose((enum reach)from_environment("TEST_REACH"), getenv("TEST_ELSEWHERE"));
    CHECK_EQ(shmget(key, 0, 0), id);
    CHECK_EQ(shmget(key, 100, IPC_CREAT | 0600), id);
    CHECK_ERRNO(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_ERRNO(shmget(key, 1 << 20, 0), EINVAL);
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_segsz, 100);
    CHECK_EQ(fields.shm_nattch, 1);
    void *memory = shmat(id, NULL, 0);
    CHECK(memory != (void *)-1 || !on_kernel());
    CHECK_EQ(NATTCH(id), memory == (void *)-1 ? 1 : 2);
    CHECK_ERRNO(shmget(near + 1, 0, 0), ENOENT);
}

static void set_number(const char *name, long number)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", number);
    CHECK_OK(setenv(name, text, 1));
}

static void start_anew(void *nothing)
{
    (void)nothing;
    run_anew(look);
}

static struct channel ready, go;

static void keep_attached(void *id)
{
    ATTACH(*(int *)id, NULL, 0);
    put_number(ready, 0);
    get_number(go);
}

int main(void)
{
    static int others[OTHERS];
    need_root();
    elsewhere = new_directory();
    key_t near = unique_key();
    unique_key(); /* Stays unused. */
    key_t far = unique_key();
    CHECK_OK(shmget(near, 100, IPC_CREAT | 0666));
    for (int i = 0; i < OTHERS; i++)
        others[i] = NEW_SEGMENT(100, 0600);
    int id = shmget(far, 100, IPC_CREAT | 0666);
    CHECK_OK(id);
    ready = new_channel();
    go = new_channel();
    pid_t attached = start_child(keep_attached, &id);
    get_number(ready);
    for (int i = 0; i < OTHERS; i++)
        REMOVE(others[i]);
    set_number("TEST_NEAR", near);
    set_number("TEST_KEY", far);
    set_number("TEST_ID", id);
    CHECK_OK(setenv("TEST_ELSEWHERE", elsewhere, 1));
    for (int how = 0; how < REACHES; how++) {
        set_number("TEST_REACH", how);
        RUN_CHILD(start_anew, NULL);
        CHECK_EQ(shmget(far, 0, 0), id);
        CHECK_EQ(NATTCH(id), 1);
    }
    put_number(go, 0);
    EXPECT_EXIT(attached, PASSED);
    CHECK_EQ(NATTCH(id), 0);
    REMOVE(id);
    CHECK_ERRNO(shmget(far, 0, 0), ENOENT);
    return 0;
}
