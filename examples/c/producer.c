/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes a System V segment and a POSIX object, sends lines through the one and a picture through the other, and
 * removes both when a line comes on standard input.
 */
#include "shared.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

static struct mailbox *make_mailbox(int *id)
{
    *id = shmget(KEY, sizeof(struct mailbox), IPC_CREAT | IPC_EXCL | 0600);
    check(*id != -1, "shmget");
    struct mailbox *mailbox = shmat(*id, NULL, 0);
    check(mailbox != (void *)-1, "shmat");
    check(sem_init(&mailbox->full, 1, 0) == 0, "sem_init");
    check(sem_init(&mailbox->empty, 1, 1) == 0, "sem_init");
    check(sem_init(&mailbox->parting, 1, 0) == 0, "sem_init");
    return mailbox;
}

static struct picture *make_picture(void)
{
    int fd = shm_open(PICTURE_NAME, O_CREAT | O_EXCL | O_RDWR, 0600);
    check(fd != -1, "shm_open");
    check(ftruncate(fd, sizeof(struct picture)) == 0, "ftruncate");
    struct picture *picture = mmap(NULL, sizeof *picture, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(picture != MAP_FAILED, "mmap");
    close(fd);
    for (size_t i = 0; i < PICTURE; i++)
        picture->pixel[i] = (unsigned char)(i * i >> 8);
    return picture;
}

int main(void)
{
    alarm(PATIENCE);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct picture *picture = make_picture();
    int id;
    struct mailbox *mailbox = make_mailbox(&id);
    printf("segment %d, a picture with the sum %08x\n", id, sum(picture));
    for (int i = 0; i < LINES; i++) {
        check(sem_wait(&mailbox->empty) == 0, "sem_wait");
        snprintf(mailbox->line, LINE, "line %d of %d from process %d", i + 1, LINES, (int)getpid());
        sem_post(&mailbox->full);
    }
    check(sem_wait(&mailbox->empty) == 0, "sem_wait"); /* The last line was taken. */
    puts("delivered");
    (void)getchar();
    sem_post(&mailbox->parting);
    check(shmctl(id, IPC_RMID, NULL) == 0, "shmctl");
    check(shmdt(mailbox) == 0, "shmdt");
    check(shm_unlink(PICTURE_NAME) == 0, "shm_unlink");
    check(munmap(picture, sizeof *picture) == 0, "munmap");
    puts("removed");
    return 0;
}
