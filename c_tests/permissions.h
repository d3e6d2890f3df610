/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every mode against every class of user: one segment whose owner, creator and their groups all differ, and one
 * child per user, which does whatever a test wants to try under each of the 512 modes and says what should happen.
 */
#ifndef PERMISSIONS_H
#define PERMISSIONS_H

#include "users.h"

enum { OWNER = 1001, OWNER_GROUP = 2001, CREATOR = 1002, CREATOR_GROUP = 2002, STRANGER = 1003, STRANGER_GROUP = 2003 };
enum class { OWNER_CLASS = 6, GROUP_CLASS = 3, OTHER_CLASS = 0 }; /* The value shifts the class's digit down. */

struct caller {
    const char *who;
    uid_t uid;
    gid_t gid, supplementary; /* 0: none */
    enum class class;
};

static const struct caller users[] = {
    {"the owner", OWNER, STRANGER_GROUP, 0, OWNER_CLASS},
    {"the creator", CREATOR, STRANGER_GROUP, 0, OWNER_CLASS},
    {"the owner, also in the group", OWNER, OWNER_GROUP, CREATOR_GROUP, OWNER_CLASS},
    {"a member of the owner's group", STRANGER, OWNER_GROUP, 0, GROUP_CLASS},
    {"a member of the creator's group", STRANGER, CREATOR_GROUP, 0, GROUP_CLASS},
    {"a supplementary member of the owner's group", STRANGER, STRANGER_GROUP, OWNER_GROUP, GROUP_CLASS},
    {"a supplementary member of the creator's group", STRANGER, STRANGER_GROUP, CREATOR_GROUP, GROUP_CLASS},
    {"a stranger", STRANGER, STRANGER_GROUP, 0, OTHER_CLASS},
};

/* What is tried on each mode: `granted` is the one digit of the mode, 0 to 7, that decides for this user. */
typedef void (*attempt_on)(key_t key, int id, int granted);

struct permission_case {
    const struct caller *user;
    attempt_on attempt;
    key_t key;
    int id;
    struct channel modes, done;
};

static inline void be_the_user(void *argument)
{
    const struct permission_case *test = argument;
    gid_t group = test->user->supplementary;
    CHECK_OK(setgroups(group != 0 ? 1 : 0, &group));
    CHECK_OK(setresgid(test->user->gid, test->user->gid, test->user->gid));
    CHECK_OK(setresuid(test->user->uid, test->user->uid, test->user->uid));
    for (int i = 0; i < 512; i++) {
        int mode = (int)get_number(test->modes);
        test->attempt(test->key, test->id, mode >> test->user->class & 7);
        put_number(test->done, mode);
    }
}

static inline void set_mode(int id, int mode)
{
    struct shmid_ds fields = {.shm_perm = {.uid = OWNER, .gid = OWNER_GROUP, .mode = (unsigned short)mode}};
    CHECK_OK(shmctl(id, IPC_SET, &fields));
}

static inline void try_all_modes(struct permission_case *test)
{
    test->modes = new_channel();
    test->done = new_channel();
    pid_t child = start_child(be_the_user, test);
    close(test->done.write_end); /* So that a child that has failed is seen. */
    for (int mode = 0; mode < 512; mode++) {
        set_mode(test->id, mode);
        put_number(test->modes, mode);
        long answer;
        if (read(test->done.read_end, &answer, sizeof answer) != sizeof answer)
            FAIL("mode 0%o, %s", (unsigned)mode, test->user->who);
    }
    EXPECT_EXIT(child, PASSED);
    close(test->done.read_end);
    close(test->modes.read_end);
    close(test->modes.write_end);
}

static inline void create_as_creator(void *key)
{
    become_user(CREATOR, CREATOR_GROUP);
    CHECK_OK(shmget(*(key_t *)key, 100, IPC_CREAT | IPC_EXCL | 0600));
}

/* Makes the attempt for each user under each mode. */
static inline void for_all_users_and_modes(attempt_on attempt)
{
    share_namespace();
    key_t key = unique_key();
    RUN_CHILD(create_as_creator, &key);
    int id = shmget(key, 0, 0);
    CHECK_OK(id);
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        try_all_modes(&(struct permission_case){.user = &users[i], .attempt = attempt, .key = key, .id = id});
}

#endif
