/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes what the tests of the command look at. Each argument is a step; numbers as in C.
 *   get KEY SIZE MODE   makes a segment, which later steps are about, and prints its id
 *   at | ro | dt        attaches it, attaches it read-only, detaches what was attached last
 *   write TEXT          puts TEXT at the start of what was attached last, or made by memfd
 *   lock | remove       SHM_LOCK, IPC_RMID
 *   posix NAME SIZE     makes an object and maps it
 *   private NAME SIZE   the same, and what it writes would stay its own
 *   open NAME           makes an object and keeps a descriptor of it open
 *   flock               locks the descriptor opened last
 *   unlink NAME         takes an object's name away
 *   memfd NAME SIZE     makes a file without a name and maps it
 *   close               closes the descriptor opened last
 *   alone               goes on in a thread, and lets the main thread end
 *   many COUNT          makes COUNT segments of one byte
 *   fork COUNT          makes COUNT children, which inherit what is attached and wait for their parent's end
 *   hold                prints "ready" and waits for the end of standard input
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>

static char **next;
static int id = -1;
static char *address;
static int descriptor = -1;

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static unsigned long number(void)
{
    check(*next != NULL, "a number is missing");
    return strtoul(*next++, NULL, 0);
}

static void get(void)
{
    key_t key = (key_t)number();
    size_t size = number();
    id = shmget(key, size, IPC_CREAT | (int)number());
    check(id != -1, "shmget");
    printf("%d\n", id);
}

static void attach(int flags)
{
    address = shmat(id, NULL, flags);
    check(address != (char *)-1, "shmat");
}

static void posix(int kind)
{
    const char *name = *next++;
    size_t size = number();
    int fd = shm_open(name, O_CREAT | O_RDWR, 0600);
    check(fd != -1, "shm_open");
    check(ftruncate(fd, (off_t)size) == 0, "ftruncate");
    check(mmap(NULL, size, PROT_READ | PROT_WRITE, kind, fd, 0) != MAP_FAILED, "mmap");
    close(fd);
}

static void open_object(void)
{
    descriptor = shm_open(*next++, O_CREAT | O_RDWR, 0600);
    check(descriptor != -1, "shm_open");
}

static void make_memfd(void)
{
    const char *name = *next++;
    size_t size = number();
    descriptor = memfd_create(name, 0);
    check(descriptor != -1, "memfd_create");
    check(ftruncate(descriptor, (off_t)size) == 0, "ftruncate");
    address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    check(address != MAP_FAILED, "mmap");
}

static void run_steps(void);

static void *in_thread(void *none)
{
    (void)none;
    run_steps();
    exit(0);
}

static void go_alone(void)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, in_thread, NULL) == 0, "pthread_create");
    pthread_exit(NULL);
}

static void make_children(void)
{
    int there[2];
    char byte;
    check(pipe2(there, O_CLOEXEC) == 0, "pipe2");
    for (unsigned long count = number(); count > 0; count--) {
        pid_t child = fork();
        check(child != -1, "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(60);
            check(write(there[1], "", 1) == 1, "write");
            for (;;)
                pause();
        }
        /* Until it has come through its fork, nobody knows which process it is. */
        check(read(there[0], &byte, 1) == 1, "read");
    }
    close(there[0]);
    close(there[1]);
}

static void hold(void)
{
    char byte;
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) == 1 || errno == EINTR)
        errno = 0;
}

static void step(const char *word)
{
    if (!strcmp(word, "get"))
        get();
    else if (!strcmp(word, "at"))
        attach(0);
    else if (!strcmp(word, "ro"))
        attach(SHM_RDONLY);
    else if (!strcmp(word, "dt"))
        check(shmdt(address) == 0, "shmdt");
    else if (!strcmp(word, "write"))
        strcpy(address, *next++);
    else if (!strcmp(word, "lock"))
        check(shmctl(id, SHM_LOCK, NULL) == 0, "SHM_LOCK");
    else if (!strcmp(word, "remove"))
        check(shmctl(id, IPC_RMID, NULL) == 0, "IPC_RMID");
    else if (!strcmp(word, "posix"))
        posix(MAP_SHARED);
    else if (!strcmp(word, "private"))
        posix(MAP_PRIVATE);
    else if (!strcmp(word, "open"))
        open_object();
    else if (!strcmp(word, "flock"))
        check(flock(descriptor, LOCK_EX) == 0, "flock");
    else if (!strcmp(word, "close"))
        check(close(descriptor) == 0, "close");
    else if (!strcmp(word, "unlink"))
        check(shm_unlink(*next++) == 0, "shm_unlink");
    else if (!strcmp(word, "memfd"))
        make_memfd();
    else if (!strcmp(word, "alone"))
        go_alone();
    else if (!strcmp(word, "many"))
        for (unsigned long count = number(); count > 0; count--)
            check(shmget(IPC_PRIVATE, 1, 0600) != -1, "shmget");
    else if (!strcmp(word, "fork"))
        make_children();
    else if (!strcmp(word, "hold"))
        hold();
    else
        check(0, word);
}

static void run_steps(void)
{
    while (*next != NULL) {
        const char *word = *next++;
        step(word);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    alarm(60);
    next = argv + 1;
    run_steps();
    return 0;
}
