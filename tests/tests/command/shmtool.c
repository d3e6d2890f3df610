/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes what the tests of the command look at. Each argument is a step; numbers as in C.
 *   get KEY SIZE MODE   makes a segment, which later steps are about, and prints its id
 *   at | ro | dt        attaches it, attaches it read-only, detaches what was attached last
 *   write TEXT          puts TEXT at its start
 *   lock | remove       SHM_LOCK, IPC_RMID
 *   posix NAME SIZE     makes an object and maps it
 *   many COUNT          makes COUNT segments of one byte
 *   fork COUNT          makes COUNT children, which inherit what is attached and wait for their parent's end
 *   hold                prints "ready" and waits for the end of standard input
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>

static char **next;
static int id = -1;
static char *address;

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

static void posix(void)
{
    const char *name = *next++;
    size_t size = number();
    int fd = shm_open(name, O_CREAT | O_RDWR, 0600);
    check(fd != -1, "shm_open");
    check(ftruncate(fd, (off_t)size) == 0, "ftruncate");
    check(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
    close(fd);
}

static void make_children(void)
{
    for (unsigned long count = number(); count > 0; count--) {
        pid_t child = fork();
        check(child != -1, "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(60);
            for (;;)
                pause();
        }
    }
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
        posix();
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

int main(int argc, char **argv)
{
    (void)argc;
    alarm(60);
    for (next = argv + 1; *next != NULL;) {
        const char *word = *next++;
        step(word);
    }
    return 0;
}
