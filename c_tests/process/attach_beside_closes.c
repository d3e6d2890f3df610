/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread closes descriptors that it did not open, and opens a file of its own that gets their numbers, while another
 * makes, changes and attaches segments: each attach is of the segment, and the file is what it was. The segments are
 * first in the usual directory, and then in one where everybody makes files.
 */
#include "closes.h"

#include <sys/wait.h>

enum { ROUNDS = 3000, MARK = 0x55 };

static void use_segments(const char *name, long size)
{
    REMOVE(NEW_SEGMENT(size, 0600)); /* The first call of all opens more. */
    pthread_t thread = start_closing(name);
    for (int i = 0; i < ROUNDS; i++) {
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
    }
    stop_closing(thread);
}

static void in_child(const char *directory, const char *name, long size)
{
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        if (directory)
            CHECK_OK(setenv("PARTAGE_DIR", directory, 1));
        use_segments(name, size);
        exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
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
    in_child(NULL, name, size);
    in_child(new_directory(), name, size);
    char byte = 0;
    CHECK_EQ(pread(marked, &byte, 1, 0), 1);
    CHECK_EQ(byte, MARK);
    struct stat now;
    CHECK_OK(fstat(marked, &now));
    CHECK_EQ(now.st_size, size);
    CHECK_EQ(now.st_mode & 0777, 0600);
    return 0;
}
