/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread closes descriptors that it did not open, and opens a file of its own that gets their numbers, while another
 * makes the first calls in a directory: they succeed, and the file is what it was. The directory is the user's own, or
 * one where everybody makes files.
 */
#include "closes.h"

#include <sys/wait.h>

enum { ROUNDS = 60, MARK = 0x55 };

static void make_first_calls(const char *marks, mode_t mode)
{
    const char *own = new_directory();
    CHECK_OK(chmod(own, mode));
    CHECK_OK(setenv("PARTAGE_DIR", own, 1));
    long size = page_size();
    pthread_t thread = start_closing(marks);
    int id = NEW_SEGMENT(size, 0600);
    char *memory = ATTACH(id, NULL, 0);
    CHECK_EQ(memory[0], 0);
    memory[0] = 1;
    struct shmid_ds fields;
    CHECK_OK(shmctl(id, IPC_STAT, &fields));
    CHECK_EQ(fields.shm_nattch, 1);
    fields.shm_perm.mode = 0640;
    CHECK_OK(shmctl(id, IPC_SET, &fields));
    CHECK_OK(shmdt(memory));
    REMOVE(id);
    stop_closing(thread);
}

static void check_marks(int marked, const char *marks, long size)
{
    char *now = malloc(size + 1);
    CHECK_EQ(pread(marked, now, size + 1, 0), size);
    CHECK_EQ(memcmp(now, marks, size), 0);
    free(now);
    struct stat status;
    CHECK_OK(fstat(marked, &status));
    CHECK_EQ(status.st_mode & 0777, 0600);
}

int main(void)
{
    long size = page_size();
    char *marks = malloc(size);
    char name[100];
    snprintf(name, sizeof name, "%s/marks", new_directory());
    memset(marks, MARK, size);
    int marked = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK_OK(marked);
    CHECK_EQ(write(marked, marks, size), size);
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = fork();
        CHECK_OK(child);
        if (child == 0) {
            make_first_calls(name, i % 2 ? 01777 : 0700);
            exit(0);
        }
        int status = 0;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        check_marks(marked, marks, size);
    }
    return 0;
}
