/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Takes the producer's lines and its picture; a process that never met it and knows a key and a name. */
#include "shared.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

int main(void)
{
    alarm(PATIENCE);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int id = shmget(KEY, sizeof(struct mailbox), 0600);
    check(id != -1, "shmget");
    struct mailbox *mailbox = shmat(id, NULL, 0);
    check(mailbox != (void *)-1, "shmat");
    for (int i = 0; i < LINES; i++) {
        check(sem_wait(&mailbox->full) == 0, "sem_wait");
        printf("%s\n", mailbox->line);
        if (i < LINES - 1)
            sem_post(&mailbox->empty);
    }
    int fd = shm_open(PICTURE_NAME, O_RDONLY, 0);
    check(fd != -1, "shm_open");
    struct picture *picture = mmap(NULL, sizeof *picture, PROT_READ, MAP_SHARED, fd, 0);
    check(picture != MAP_FAILED, "mmap");
    close(fd);
    printf("a picture with the sum %08x\n", sum(picture));
    sem_post(&mailbox->empty);
    check(sem_wait(&mailbox->parting) == 0, "sem_wait");
    check(shmdt(mailbox) == 0, "shmdt");
    check(munmap(picture, sizeof *picture) == 0, "munmap");
    return 0;
}
