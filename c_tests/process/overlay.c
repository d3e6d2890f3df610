/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A namespace on overlayfs, as in a container without memory file systems, where a mapping does not keep a lock: who has
 * closed all his descriptors is no less alive, and who was killed is no more.
 */
#include "surroundings.h"

static int id;
static char *memory;
static struct channel ready, go;

static void close_all_but_channels(void)
{
    int kept[4] = {ready.read_end, ready.write_end, go.read_end, go.write_end};
    for (int number = 0; number < 4; number++)
        CHECK_OK(dup2(kept[number], 100 + number));
    CHECK_OK(close_range(3, 99, 0));
    CHECK_OK(close_range(104, ~0U, 0));
    ready = (struct channel){100, 101};
    go = (struct channel){102, 103};
}

static void hold(void *closes)
{
    char *own = ATTACH(id, NULL, 0);
    if (*(bool *)closes)
        close_all_but_channels();
    put_number(ready, 0);
    get_number(go);
    own[0] = 'h';
    CHECK(NATTCH(id) >= 2);
    CHECK_OK(shmdt(own));
}

static void anew(void)
{
    ready = new_channel();
    go = new_channel();
    id = removed_at_end(shmget(IPC_PRIVATE, 100, 0600));
    if (id == -1 && !on_kernel()) { /* A place where this cannot be had may be refused as a namespace. */
        CHECK_EQ(errno, ENOSYS);
        return;
    }
    CHECK_OK(id);
    for (int closes = 0; closes < 2; closes++)
        for (int killed = 0; killed < 2; killed++) {
            bool all = closes == 1;
            pid_t child = start_child(hold, &all);
            get_number(ready);
            CHECK_EQ(NATTCH(id), 1);
            memory = ATTACH(id, NULL, 0);
            REMOVE(NEW_SEGMENT(100, 0600));
            CHECK_EQ(NATTCH(id), 2);
            if (killed) {
                CHECK_OK(kill(child, SIGKILL));
                EXPECT_SIGNAL(child, SIGKILL);
            } else {
                put_number(go, 0);
                EXPECT_EXIT(child, PASSED);
                CHECK_EQ(memory[0], 'h');
            }
            CHECK_EQ(NATTCH(id), 1);
            CHECK_OK(shmdt(memory));
            CHECK_EQ(NATTCH(id), 0);
        }
    REMOVE(id);
}

static void on_overlay(void *nothing)
{
    char path[200], options[640], name[200];
    (void)nothing;
    own_mounts();
    const char *place = new_directory();
    mount_memory(place, "mode=700");
    static const char *const parts[] = {"lower", "upper", "work", "merged"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", place, parts[i]);
        CHECK_OK(mkdir(path, 0755));
    }
    snprintf(options, sizeof options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", place, place, place);
    if (mount("overlay", path, "overlay", 0, options) == -1)
        SKIP("overlayfs: %s", strerror(errno));
    snprintf(name, sizeof name, "%.180s/namespace", path);
    CHECK_OK(mkdir(name, 0711));
    if (!on_kernel())
        CHECK_OK(setenv("PARTAGE_DIR", name, 1));
    run_anew(anew);
}

int main(void)
{
    RUN_CHILD(on_overlay, NULL);
    return 0;
}
