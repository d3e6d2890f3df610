/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One step with a segment, for scripts:
 *   hold             makes a segment, attaches it, prints its id, and kills itself once a line is read
 *   read ID N        attaches the segment, sees what `hold` wrote and N attachments, and detaches
 *   count ID N       sees N attachments
 *   remove ID        removes it
 *   fill BYTES       makes a segment, writes every byte, removes it
 *   refused BYTES ENOMEM     is refused a segment of this size
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static int make(size_t size)
{
    int id = shmget(IPC_PRIVATE, size, 0600);
    check(id != -1, "shmget");
    return id;
}

static char *attach(int id)
{
    char *memory = shmat(id, NULL, 0);
    check(memory != (void *)-1, "shmat");
    return memory;
}

static void count(int id, unsigned long expected)
{
    struct shmid_ds fields;
    check(shmctl(id, IPC_STAT, &fields) == 0, "IPC_STAT");
    if (fields.shm_nattch != expected) {
        fprintf(stderr, "nattch %lu, expected %lu\n", (unsigned long)fields.shm_nattch, expected);
        exit(1);
    }
}

static void hold(void)
{
    int id = make(100);
    strcpy(attach(id), "held");
    count(id, 1);
    printf("%d\n", id);
    fflush(stdout);
    (void)getchar();
    /* In a pid namespace of its own this is the first process, which no signal from inside ends: leave at once. */
    raise(SIGKILL);
    _exit(9);
}

static void fill(size_t size)
{
    int id = make(size);
    char *memory = attach(id);
    check(shmctl(id, IPC_RMID, NULL) == 0, "IPC_RMID");
    memset(memory, 'x', size);
    check(shmdt(memory) == 0, "shmdt");
}

int main(int argc, char **argv)
{
    alarm(30);
    const char *step = argc > 1 ? argv[1] : "";
    long first = argc > 2 ? atol(argv[2]) : 0;
    if (strcmp(step, "hold") == 0) {
        hold();
    } else if (strcmp(step, "read") == 0 && argc > 3) {
        char *memory = attach((int)first);
        count((int)first, strtoul(argv[3], NULL, 10));
        check(strcmp(memory, "held") == 0, "what was written");
        check(shmdt(memory) == 0, "shmdt");
    } else if (strcmp(step, "count") == 0 && argc > 3) {
        count((int)first, strtoul(argv[3], NULL, 10));
    } else if (strcmp(step, "remove") == 0) {
        check(shmctl((int)first, IPC_RMID, NULL) == 0, "IPC_RMID");
    } else if (strcmp(step, "fill") == 0) {
        fill((size_t)first);
    } else if (strcmp(step, "refused") == 0) {
        check(shmget(IPC_PRIVATE, (size_t)first, 0600) == -1 && errno == ENOMEM, "refusal");
    } else {
        fprintf(stderr, "unknown step: %s\n", step);
        return 2;
    }
    return 0;
}
