/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Times one kind of call. Usage: loop KIND CALLS ROUNDS: prints the ns per call of the fastest round, and of all. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

/* The events: one that fails at once, so that little but the tracing is timed, and a real pair. */
static void event(void) { shmdt((void *)1); }

static int id;
static void attach(void) { shmdt(shmat(id, NULL, 0)); }

/* A child that makes one call, and one that makes none. */
static void child(int calls)
{
    pid_t child = fork();
    if (child == 0) {
        if (calls)
            shmdt((void *)1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}
static void one_child(void) { child(1); }
static void empty_child(void) { child(0); }

/* Not shared memory. */
static void untraced_close(void) { close(999); }
static void untraced_mmap(void) { mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    void (*call)(void) = !strcmp(argv[1], "event")    ? event
                         : !strcmp(argv[1], "attach") ? attach
                         : !strcmp(argv[1], "fork")   ? one_child
                         : !strcmp(argv[1], "empty")  ? empty_child
                         : !strcmp(argv[1], "close")  ? untraced_close
                                                      : untraced_mmap;
    long calls = atol(argv[2]), rounds = atol(argv[3]);
    if (call == attach) {
        id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        if (id < 0)
            return 1;
    }
    double fastest = 1e18, start = now();
    for (long round = 0; round < rounds; round++) {
        double before = now();
        for (long i = 0; i < calls; i++)
            call();
        double took = (now() - before) / calls;
        fastest = took < fastest ? took : fastest;
    }
    double all = (now() - start) / calls / rounds;
    if (call == attach)
        shmctl(id, IPC_RMID, NULL);
    fprintf(stderr, "%.1f %.1f\n", fastest, all);
    return 0;
}
