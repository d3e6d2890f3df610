/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The path to the namespace comes to lead elsewhere, to another namespace with others in it: by a mount, a change of root
 * or a rename. Nobody gets the others' memory for his own, nobody's own are taken for dead, and the others see nothing.
 */
#include "surroundings.h"

static int id;
static char *memory;
static bool has_proc = true;
static struct channel ready;

static void keep(void *nothing)
{
    (void)nothing;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ATTACH(id, NULL, 0);
    CHECK_OK(shmdt(memory));
    put_number(ready, 0);
    for (;;)
        pause();
}

/* Another program, started where the path leads elsewhere: it makes segments with the ids that are ours here. */
static void be_another(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int first = shmget(IPC_PRIVATE, 100, 0600);
    CHECK_OK(first);
    strcpy(ATTACH(first, NULL, 0), "foreign");
    CHECK_EQ(NATTCH(first), 1);
    CHECK(write(STDOUT_FILENO, "r", 1) == 1);
    for (;;)
        pause();
}

/* Forked before anything is attached: nobody's copy of an attachment ends with its exec. */
static pid_t fork_another(struct channel changed, struct channel runs)
{
    char byte;
    pid_t other = fork();
    CHECK_OK(other);
    if (other == 0) {
        CHECK_EQ(read(changed.read_end, &byte, 1), 1);
        CHECK_OK(dup2(runs.write_end, STDOUT_FILENO));
        run_anew(be_another);
    }
    return other;
}

static void end(pid_t process)
{
    CHECK_OK(kill(process, SIGKILL));
    EXPECT_SIGNAL(process, SIGKILL);
}

static void check_mine(long right)
{
    CHECK_EQ(NATTCH(id), right);
    char *again = shmat(id, NULL, 0);
    if (again == (void *)-1) { /* Its file is out of reach, even by the mappings that /proc shows, and that is all. */
        CHECK(!on_kernel() && !has_proc);
        CHECK_EQ(NATTCH(id), right);
    } else {
        CHECK(strcmp(again, "mine") == 0);
        CHECK_EQ(NATTCH(id), right + 1);
        CHECK_OK(shmdt(again));
    }
    CHECK(strcmp(memory, "mine") == 0);
    int new = shmget(IPC_PRIVATE, 100, 0600);
    CHECK(new != -1 || !on_kernel());
    if (new != -1) {
        char *fresh = shmat(new, NULL, 0);
        CHECK(fresh == (void *)-1 || fresh[0] == '\0');
        REMOVE(new);
        if (fresh != (void *)-1)
            CHECK_OK(shmdt(fresh));
    }
    CHECK_EQ(NATTCH(id), right);
}

static void forked(void *nothing)
{
    (void)nothing;
    CHECK_EQ(NATTCH(id), 3);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 2);
}

/* What is there before, the change, and what must be after it. */
static void run(void (*change)(void))
{
    struct channel changed = new_channel(), runs = new_channel();
    char byte = 0;
    pid_t other = on_kernel() ? 0 : fork_another(changed, runs);
    id = NEW_SEGMENT(100, 0600);
    strcpy(memory = ATTACH(id, NULL, 0), "mine");
    pid_t kept = start_child(keep, NULL);
    get_number(ready);
    change();
    if (other != 0) {
        CHECK_EQ(write(changed.write_end, &byte, 1), 1);
        CHECK_EQ(read(runs.read_end, &byte, 1), 1);
    }
    check_mine(2);
    RUN_CHILD(forked, NULL);
    check_mine(2);
    end(kept);
    CHECK(NATTCH(id) >= 1 && NATTCH(id) <= 2); /* Who cannot be asked is alive. */
    if (other != 0)
        end(other);
    check_mine(NATTCH(id));
    CHECK_OK(shmdt(memory));
    REMOVE(id);
}

static char place[128], aside[160];

static void mount_over(void)
{
    if (!on_kernel())
        mount_memory(place, "mode=700");
}

static void rename_away(void)
{
    if (on_kernel())
        return;
    snprintf(aside, sizeof aside, "%s/aside", place);
    char inner[160], deep[200];
    snprintf(inner, sizeof inner, "%s/inner", place);
    snprintf(deep, sizeof deep, "%s/aside", place);
    CHECK_OK(rename(inner, deep));
    CHECK_OK(mkdir(inner, 0700));
}

static void by_mount(void *nothing)
{
    (void)nothing;
    own_mounts();
    snprintf(place, sizeof place, "%s", new_directory());
    if (!on_kernel()) {
        mount_memory(place, "mode=700");
        CHECK_OK(setenv("PARTAGE_DIR", place, 1));
    }
    run(mount_over);
}

/* Without a directory that is named, it is /dev/shm that changes. */
static void by_default_place(void *nothing)
{
    (void)nothing;
    own_mounts();
    strcpy(place, "/dev/shm");
    if (!on_kernel()) {
        mount_memory(place, "mode=1777");
        CHECK_OK(unsetenv("PARTAGE_DIR"));
    }
    run(mount_over);
}

static void by_rename(void *nothing)
{
    (void)nothing;
    own_mounts();
    snprintf(place, sizeof place, "%s", new_directory());
    if (!on_kernel()) {
        char inner[160];
        mount_memory(place, "mode=700");
        snprintf(inner, sizeof inner, "%s/inner", place);
        CHECK_OK(mkdir(inner, 0700));
        CHECK_OK(setenv("PARTAGE_DIR", inner, 1));
    }
    run(rename_away);
}

/* Without what the path to the program itself needs: the other is started before. */
static void change_root(void)
{
    if (!on_kernel())
        CHECK(chroot(place) == 0 && chdir("/") == 0);
}

static void by_root(void *nothing)
{
    (void)nothing;
    own_mounts();
    snprintf(place, sizeof place, "%s", new_directory());
    id = NEW_SEGMENT(100, 0600);
    strcpy(memory = ATTACH(id, NULL, 0), "mine");
    pid_t kept = start_child(keep, NULL);
    get_number(ready);
    change_root();
    has_proc = on_kernel();
    check_mine(2);
    RUN_CHILD(forked, NULL);
    end(kept);
    check_mine(NATTCH(id));
    CHECK_OK(shmdt(memory));
}

int main(void)
{
    need_root();
    ready = new_channel();
    RUN_CHILD(by_mount, NULL);
    RUN_CHILD(by_default_place, NULL);
    RUN_CHILD(by_rename, NULL);
    RUN_CHILD(by_root, NULL);
    return 0;
}
