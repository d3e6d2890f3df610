/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the packages of Termux call: its headers rename the four functions. And the two with which its proot lends a
 * segment's memory to a program that it traces.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int libandroid_shmget(key_t key, size_t size, int flags);
void *libandroid_shmat(int id, const void *address, int flags);
int libandroid_shmdt(const void *address);
int libandroid_shmctl(int id, int command, struct shmid_ds *fields);
int libandroid_shmat_fd(int id, size_t *size);
int libandroid_shmdt_fd(int descriptor);

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, strerror(errno));                               \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static unsigned long count(int id)
{
    struct shmid_ds fields;
    CHECK(libandroid_shmctl(id, IPC_STAT, &fields) == 0);
    return (unsigned long)fields.shm_nattch;
}

static void attachments(void)
{
    int id = libandroid_shmget(0x7e52, 5000, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(id != -1);
    char *memory = libandroid_shmat(id, NULL, 0);
    CHECK(memory != (char *)-1 && count(id) == 1);
    pid_t child = fork();
    CHECK(child != -1);
    if (child == 0) {
        strcpy(memory, "by the child");
        _exit(count(id) != 2);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(strcmp(memory, "by the child") == 0 && count(id) == 1);
    /* The plain names are the same functions. */
    CHECK(shmget(0x7e52, 0, 0) == id);
    CHECK(munmap(memory, 8192) == 0 && count(id) == 0);
    errno = 0;
    CHECK(libandroid_shmdt(memory) == -1 && errno == EINVAL);
    CHECK(libandroid_shmctl(id, IPC_RMID, NULL) == 0);
}

static void lent_memory(void)
{
    int id = libandroid_shmget(IPC_PRIVATE, 5000, 0600);
    CHECK(id != -1);
    size_t size = 0;
    int descriptor = libandroid_shmat_fd(id, &size);
    CHECK(descriptor != -1 && size == 8192 && count(id) == 1);
    CHECK(libandroid_shmat_fd(id, &size) == descriptor && count(id) == 2);
    char *lent = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    CHECK(lent != MAP_FAILED);
    char *memory = libandroid_shmat(id, NULL, 0);
    CHECK(memory != (char *)-1 && count(id) == 3);
    strcpy(lent, "through the descriptor");
    CHECK(strcmp(memory, "through the descriptor") == 0);
    CHECK(libandroid_shmdt(memory) == 0);
    CHECK(libandroid_shmctl(id, IPC_RMID, NULL) == 0);
    CHECK(libandroid_shmdt_fd(descriptor) == 0 && count(id) == 1);
    CHECK(libandroid_shmdt_fd(descriptor) == 0);
    /* The last one is gone, and with it the segment and the descriptor. */
    struct stat status;
    CHECK(fstat(descriptor, &status) == -1 && errno == EBADF);
    CHECK(libandroid_shmat_fd(id, &size) == -1 && errno == EINVAL);
    CHECK(libandroid_shmdt_fd(descriptor) == -1 && errno == EINVAL);
}

int main(void)
{
    attachments();
    lent_memory();
    return 0;
}
