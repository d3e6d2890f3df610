/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process that can open and map nothing any more makes one call, with hundreds attached that came after it: whatever
 * that call answers, nobody else's attachment is forgotten, and its own are counted as they are.
 */
#define TEST_TIMEOUT 55
#include "left.h"
#include "mappings.h"
#include "reach.h"
#include "surroundings.h"

enum { CROWD = 600, ACTIONS = 12 };

static int id, own;
static char *memory;
static pid_t crowd[CROWD];
static struct channel ready, hold;
static const char *elsewhere;

/* Each returns by how much nattch of the crowd's segment changes. */
static int look(void)
{
    CHECK(NATTCH(id) > CROWD);
    return 0;
}

static int look_at_all(void)
{
    struct shm_info info;
    CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
    CHECK(info.used_ids >= 2);
    return 0;
}

static int look_by_index(void)
{
    struct shm_info info;
    struct shmid_ds fields;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    CHECK_OK(last);
    bool found = false;
    for (int index = 0; index <= last; index++)
        found |= shmctl(index, SHM_STAT, &fields) == id && fields.shm_nattch > CROWD;
    CHECK(found);
    return 0;
}

static int detach(void)
{
    CHECK_OK(shmdt(memory));
    CHECK_ERRNO(shmdt(memory), EINVAL);
    return -1;
}

static int unmap(void)
{
    CHECK_OK(munmap(memory, 3 * page_size()));
    CHECK_ERRNO(shmdt(memory), EINVAL);
    return -1;
}

static int attach(void)
{
    void *second = shmat(id, NULL, 0);
    return second == (void *)-1 ? 0 : 1;
}

static int attach_in_place(void)
{
    void *second = shmat(id, memory, SHM_REMAP);
    CHECK(second == memory || second == (void *)-1);
    return is_mapped(memory) ? 0 : -1;
}

/* Kept until this process is killed, which must be seen too. */
static int fork_child(void)
{
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        put_number(ready, 0);
        for (;;)
            pause();
    }
    get_number(ready);
    return 1;
}

static int fork_and_end(void)
{
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        CHECK_OK(child);
        if (child == 0)
            _exit(0);
        EXPECT_EXIT(child, 0);
    }
    return 0;
}

static int change(void)
{
    struct shmid_ds fields = FIELDS(id);
    unsigned before = fields.shm_perm.mode;
    fields.shm_perm.mode = before ^ 0011;
    bool changed = shmctl(id, IPC_SET, &fields) == 0;
    CHECK_EQ(MODE(id), changed ? before ^ 0011 : before);
    return 0;
}

static int remove_own(void)
{
    if (geteuid() == 0)
        REMOVE(own);
    else
        CHECK_ERRNO(shmctl(own, IPC_RMID, NULL), EPERM);
    return 0;
}

static int create(void)
{
    int new = shmget(IPC_PRIVATE, 100, 0600);
    if (new != -1)
        REMOVE(new);
    return 0;
}

static const struct {
    const char *name;
    int (*act)(void);
} actions[ACTIONS] = {
    {"IPC_STAT", look},           {"SHM_INFO", look_at_all},         {"SHM_STAT", look_by_index},
    {"shmdt", detach},            {"munmap", unmap},                 {"shmat", attach},
    {"SHM_REMAP", attach_in_place}, {"fork", fork_child},            {"short forks", fork_and_end},
    {"IPC_SET", change},          {"IPC_RMID of another", remove_own}, {"shmget", create},
};

struct actor {
    int what, how;
    struct channel go, done;
};

static void be_actor(void *argument)
{
    struct actor *actor = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memory = ATTACH(id, NULL, 0);
    own = NEW_SEGMENT(100, 0600);
    put_number(ready, 0);
    get_number(actor->go);
    lose((enum reach)actor->how, elsewhere);
    put_number(actor->done, actions[actor->what].act());
    for (;;)
        pause();
}

static void be_one_of_many(void *nothing)
{
    (void)nothing;
    close(hold.write_end);
    ATTACH(id, NULL, 0);
    put_number(ready, 0);
    char byte;
    CHECK_EQ(read(hold.read_end, &byte, 1), 0);
}

static void check_count(const struct actor *actor, const char *when, long right)
{
    long shown = NATTCH(id);
    if (shown != right)
        FAIL("%s, %s, %s: nattch %ld, right is %ld", reach_names[actor->how], actions[actor->what].name, when, shown,
             right);
}

/* Who sees another root removes a segment, and cannot unlink its file: `partage gc` would, as this does. */
static void unlink_stray(const char *path, const char *name)
{
    struct stat status;
    if (strncmp(name, "segment-", 8) == 0 && stat(path, &status) == 0 && status.st_size <= (off_t)page_size())
        unlink(path);
}

int main(void)
{
    static struct actor actors[REACHES * ACTIONS];
    static pid_t processes[REACHES * ACTIONS];
    need_root();
    ready = new_channel();
    hold = new_channel();
    elsewhere = new_directory();
    id = NEW_SEGMENT(3 * page_size(), 0666);
    for (int i = 0; i < REACHES * ACTIONS; i++) {
        actors[i] = (struct actor){i / REACHES, i % REACHES, new_channel(), new_channel()};
        processes[i] = start_child(be_actor, &actors[i]);
        get_number(ready);
    }
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = start_child(be_one_of_many, NULL);
        get_number(ready);
    }
    long right = CROWD + REACHES * ACTIONS;
    CHECK_EQ(NATTCH(id), right);
    for (int i = 0; i < REACHES * ACTIONS; i++) {
        put_number(actors[i].go, 0);
        long changed = get_number(actors[i].done);
        check_count(&actors[i], "then", right + changed);
        CHECK_OK(kill(processes[i], SIGKILL));
        EXPECT_SIGNAL(processes[i], SIGKILL);
        remove_made_by(processes[i]);
        right--;
        while (actions[actors[i].what].act == fork_child && NATTCH(id) > right)
            sched_yield(); /* Its child is being killed with it. */
        check_count(&actors[i], "after its death", right);
    }
    CHECK_OK(close(hold.write_end));
    for (int i = 0; i < CROWD; i++)
        EXPECT_EXIT(crowd[i], PASSED);
    CHECK_EQ(NATTCH(id), 0);
    if (!on_kernel()) {
        remove_all_but(id); /* What a child made that was killed with its parent. */
        each_file(unlink_stray);
    }
    return 0;
}
