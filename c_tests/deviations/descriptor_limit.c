/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Attaching needs a descriptor for a moment, as a segment is a file: where RLIMIT_NOFILE leaves none, it fails with EMFILE
 * and changes nothing. What is attached stays usable, and creating, looking, detaching and removing work.
 */
#include "harness.h"

static void without_descriptors(void *argument)
{
    int id = *(int *)argument;
    char *memory = ATTACH(id, NULL, 0);
    key_t key = unique_key();
    struct rlimit none;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &none));
    none.rlim_cur = 0;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &none));

    int made = shmget(key, 100, IPC_CREAT | 0600);
    CHECK_OK(made);
    CHECK_EQ(shmget(key, 0, 0), made);
    REMOVE(made);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    int other = *((int *)argument + 1);
    struct shmid_ds before = FIELDS(other);
    CHECK_ERRNO(shmat(other, NULL, 0), EMFILE);
    struct shmid_ds after = FIELDS(other);
    CHECK(memcmp(&before, &after, sizeof before) == 0);

    memory[0] = 1;
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    CHECK_GONE(id);
}

int main(void)
{
    int ids[2] = {NEW_SEGMENT(100, 0600), NEW_SEGMENT(100, 0600)};
    RUN_CHILD(without_descriptors, ids);
    return 0;
}
