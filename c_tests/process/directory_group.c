/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Segments belong to their maker's group, also where the namespace is a directory with the set-group-ID bit: who is of
 * that directory's group only gets at nothing, and who is of the segment's group does.
 */
#include "users.h"

enum { DIRECTORYS = 52003 };

static struct channel made, go;

static void create(void *mode)
{
    become_user(ALICE, CREW);
    int id = NEW_SEGMENT(100, *(int *)mode);
    strcpy(ATTACH(id, NULL, 0), "secret");
    CHECK_EQ(FIELDS(id).shm_perm.gid, CREW);
    put_number(made, id);
    get_number(go);
}

static void of_the_group(void *argument)
{
    become_user(BOB, CREW);
    char *memory = ATTACH(*(int *)argument, NULL, 0);
    CHECK(strcmp(memory, "secret") == 0);
    CHECK_OK(shmdt(memory));
}

/* By the calls, and by every name that there is. */
static void of_the_directory(void *argument)
{
    become_user(BOB, DIRECTORYS);
    CHECK_ERRNO(shmat(*(int *)argument, NULL, 0), EACCES);
    CHECK_ERRNO(shmat(*(int *)argument, NULL, SHM_RDONLY), EACCES);
    CHECK_ERRNO(shmctl(*(int *)argument, IPC_STAT, &(struct shmid_ds){0}), EACCES);
    DIR *directory = on_kernel() ? NULL : opendir(getenv("PARTAGE_DIR"));
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char bytes[8] = "";
        int file = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file != -1 && pread(file, bytes, 6, 0) == 6)
            CHECK(strcmp(bytes, "secret") != 0);
        close(file);
    }
    if (directory != NULL)
        closedir(directory);
}

static void with_mode(int mode)
{
    pid_t maker = start_child(create, &mode);
    int id = (int)get_number(made);
    RUN_CHILD(of_the_group, &id);
    RUN_CHILD(of_the_directory, &id);
    struct shmid_ds fields = FIELDS(id);
    fields.shm_perm.mode = 0600; /* A change of mode does not move it into another group. */
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    fields.shm_perm.mode = 0660;
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    RUN_CHILD(of_the_group, &id);
    RUN_CHILD(of_the_directory, &id);
    REMOVE(id);
    put_number(go, 0);
    EXPECT_EXIT(maker, PASSED);
    CHECK_GONE(id);
}

int main(void)
{
    share_namespace();
    made = new_channel();
    go = new_channel();
    if (!on_kernel()) {
        CHECK_OK(chown(getenv("PARTAGE_DIR"), 0, DIRECTORYS));
        CHECK_OK(chmod(getenv("PARTAGE_DIR"), 03777));
    }
    with_mode(0660);
    if (!on_kernel())
        CHECK_OK(chmod(getenv("PARTAGE_DIR"), 02777));
    with_mode(0660);
    return 0;
}
