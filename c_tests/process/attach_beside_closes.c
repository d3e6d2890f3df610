/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread closes descriptors that it did not open, and opens a file of its own that gets their numbers, while another
 * makes, changes and attaches segments: each attach is of the segment, and the file is what it was.
 */
#include "closes.h"

enum { ROUNDS = 3000, MARK = 0x55 };

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
    char byte = 0;
    CHECK_EQ(pread(marked, &byte, 1, 0), 1);
    CHECK_EQ(byte, MARK);
    struct stat now;
    CHECK_OK(fstat(marked, &now));
    CHECK_EQ(now.st_mode & 0777, 0600);
    return 0;
}
