/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the model asks its processes to do, and how one does it. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#define TEST_TIMEOUT 300
#include "users.h"

/* Where the calls with explicit addresses play: far from what the system places by itself, so the same everywhere. */
#define ARENA ((char *)0x100000000000)
enum { ARENA_PAGES = 48, SLOTS = 6, FIRST_DESCRIPTOR = 100, UNTOUCHED = 9999 };

enum operation { GET, AT, DT, CTL, UNMAP, MAP, REMAP, STORE, LOOK, BECOME, FORK, VFORK, EXEC, LEAVE, DIE };
enum buffer { GOOD, NOWHERE, UNREADABLE, READ_ONLY };

struct command {
    enum operation operation;
    long argument[5];
    struct shmid_ds fields; /* For IPC_SET. */
};

struct reply {
    long result;
    int error; /* UNTOUCHED after a success that left errno alone. */
    struct shmid_ds fields;
    char text[ARENA_PAGES * 2 + 1];
};

/* A page that can be read and not written, holding the fields for IPC_SET, and one that cannot be touched at all. */
static struct shmid_ds *read_only_page;
static char *unreadable_page;

static void prepare_process(void)
{
    read_only_page = (void *)reserve(1, PROT_READ | PROT_WRITE);
    unreadable_page = reserve(1, PROT_NONE);
    signal(SIGCHLD, SIG_IGN); /* Nobody waits: a child's end is seen by its descriptor. */
}

static long control(const struct command *command, struct reply *reply)
{
    int cmd = (int)command->argument[1];
    struct shmid_ds *buffer = &reply->fields;
    if (cmd == IPC_SET)
        *buffer = command->fields;
    switch ((enum buffer)command->argument[2]) {
    case GOOD:
        break;
    case NOWHERE:
        buffer = NULL;
        break;
    case UNREADABLE:
        buffer = (void *)unreadable_page;
        break;
    case READ_ONLY:
        CHECK_OK(mprotect(read_only_page, page_size(), PROT_READ | PROT_WRITE));
        *read_only_page = command->fields;
        CHECK_OK(mprotect(read_only_page, page_size(), PROT_READ));
        buffer = read_only_page;
        break;
    }
    errno = UNTOUCHED;
    return shmctl((int)command->argument[0], cmd, buffer);
}

/* What is at each page of the arena: access, sharing, and the first byte if it can be read. */
static void look_at_page(FILE *maps, const char *page, unsigned long range[2], char *protection, char *text)
{
    char line[512];
    while (range[1] <= (uintptr_t)page && fgets(line, sizeof line, maps) != NULL)
        sscanf(line, "%lx-%lx %7s", &range[0], &range[1], protection);
    strcpy(text, "--");
    if ((uintptr_t)page < range[0] || (uintptr_t)page >= range[1])
        return;
    text[0] = protection[3] == 'p' ? 'p' : protection[2] == 'x' ? 'x' : protection[1] == 'w' ? 'w' : 'r';
    if (protection[0] == 'r')
        text[1] = load_signal(page) != 0 ? '!' : *page == 0 ? '0' : *page;
}

static long look(char *text)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long range[2] = {0, 0};
    char protection[8] = "";
    CHECK(maps != NULL);
    for (int i = 0; i < ARENA_PAGES; i++)
        look_at_page(maps, pages_up(ARENA, i), range, protection, text + 2 * i);
    fclose(maps);
    return 0;
}

static long store(char *address, long value)
{
    int number = store_signal(address);
    if (number == 0)
        *address = (char)value;
    return number;
}

static long become(long uid, long gid)
{
    if (setresuid((uid_t)-1, 0, (uid_t)-1) == -1)
        return -1;
    return setresgid((gid_t)-1, (gid_t)gid, (gid_t)-1) == -1 ? -1 : setresuid((uid_t)-1, (uid_t)uid, (uid_t)-1);
}

static long vfork_and_leave(void)
{
    pid_t child = vfork();
    if (child == 0)
        _exit(0);
    if (child == -1)
        return -1;
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR) /* Says ECHILD once it is gone. */
        continue;
    errno = UNTOUCHED;
    return 0;
}

/* Where the private mapping at an address ends; 0 if there is none. */
static unsigned long private_end(const void *address)
{
    char line[512], protection[8];
    unsigned long from, to, end = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx %7s", &from, &to, protection) == 3 && from <= (uintptr_t)address &&
            (uintptr_t)address < to && protection[3] == 'p')
            end = to;
    fclose(maps);
    return end;
}

/*
 * Two things differ from one kernel to the next, and are left out. Newer ones join a piece that is moved next to another
 * piece of the same attachment, and count one. And of several mappings they move as many as they can before they fail:
 * of attachments none, but of private ones that lie before them.
 */
static bool differs_by_kernel(const long *argument)
{
    const char *target = (void *)argument[4];
    unsigned long whole = private_end((void *)argument[0]);
    bool beside = is_mapped(target - page_size()) || is_mapped(target + ((argument[2] + 4095) & -4096L));
    bool several = whole != 0 && whole < (unsigned long)(argument[0] + argument[1]);
    return several || ((argument[3] & MREMAP_FIXED) && beside);
}

static long move(const long *argument)
{
    if (differs_by_kernel(argument)) {
        errno = EXDEV; /* Says in the log that it was left out. */
        return -1;
    }
    errno = UNTOUCHED;
    return (long)mremap((void *)argument[0], (size_t)argument[1], (size_t)argument[2], (int)argument[3],
                        (void *)argument[4]);
}

static long execute(const struct command *command, struct reply *reply)
{
    const long *argument = command->argument;
    errno = UNTOUCHED;
    switch (command->operation) {
    case GET:
        return shmget((key_t)argument[0], (size_t)argument[1], (int)argument[2]);
    case AT:
        return (long)shmat((int)argument[0], (void *)argument[1], (int)argument[2]);
    case DT:
        return shmdt((void *)argument[0]);
    case CTL:
        return control(command, reply);
    case UNMAP:
        return munmap((void *)argument[0], (size_t)argument[1]);
    case MAP:
        return (long)mmap((void *)argument[0], (size_t)argument[1], PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | (int)argument[2], -1, 0);
    case REMAP:
        return move(argument);
    case STORE:
        return store((void *)argument[0], argument[1]);
    case LOOK:
        return look(reply->text);
    case BECOME:
        return become(argument[0], argument[1]);
    case VFORK:
        return vfork_and_leave();
    default:
        FAIL("operation %d", command->operation);
    }
}

static struct reply answer(const struct command *command)
{
    struct reply reply;
    memset(&reply, 0, sizeof reply);
    reply.result = execute(command, &reply);
    reply.error = errno;
    return reply;
}

/* ---- Processes on the other end of a pipe ------------------------------------------------------------------------ */

/* Of each slot: the descriptors to read commands from and to write replies to, and the model's ends of both. */
enum end { COMMANDS, REPLIES, COMMAND, REPLY, ENDS };

static int end_of(int slot, enum end end)
{
    return FIRST_DESCRIPTOR + slot * ENDS + (int)end;
}

static void transfer(ssize_t moved, size_t size)
{
    if (moved != (ssize_t)size)
        FAIL("a pipe of the model: %zd of %zu bytes, %s", moved, size, strerror(errno));
}

static void send_reply(int slot, const struct reply *reply)
{
    transfer(write(end_of(slot, REPLIES), reply, sizeof *reply), sizeof *reply);
}

__attribute__((noreturn)) static void serve(int slot);

/* The child is the process of another slot from here on, and says so before the parent's reply is used. */
static long fork_into(int slot)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    struct reply ready = {.result = getpid()};
    send_reply(slot, &ready);
    serve(slot);
}

__attribute__((noreturn)) static void start_over(int slot)
{
    char text[8];
    snprintf(text, sizeof text, "%d", slot);
    /* A program whose effective user differs from its real one would be started without its environment. */
    CHECK_OK(setresuid(0, 0, 0));
    CHECK_OK(setresgid(0, 0, 0));
    execl("/proc/self/exe", "model", "serve", text, (char *)NULL);
    FAIL("exec: %s", strerror(errno));
}

__attribute__((noreturn)) static void serve(int slot)
{
    for (;;) {
        struct command command;
        ssize_t got = read(end_of(slot, COMMANDS), &command, sizeof command);
        if (got == 0)
            _exit(0); /* The model has ended. */
        transfer(got, sizeof command);
        struct reply reply = {0};
        switch (command.operation) {
        case FORK:
            errno = UNTOUCHED;
            reply.result = fork_into((int)command.argument[0]);
            reply.error = errno;
            break;
        case EXEC:
            start_over(slot);
        case LEAVE:
            _exit(0);
        case DIE:
            syscall(SYS_kill, syscall(SYS_getpid), command.argument[0]);
            break;
        default:
            reply = answer(&command);
        }
        send_reply(slot, &reply);
    }
}

#endif
