/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the model remembers, with numbers of its own in the place of ids, pids and addresses: the log shows those. */
#ifndef STATE_H
#define STATE_H

#include "protocol.h"

enum { SEGMENTS = 20000, PLACES = 24, RECENT = 8, PIDS = 20000 };

struct segment {
    int id;
    bool gone;
    bool vast; /* More than could be locked. */
    bool late; /* A death was left for a later call to notice: see end_of_step. */
    bool owned; /* Whether the next three are known. */
    uid_t uid, creator;
    gid_t gid;
    char shown[256]; /* Its fields as last logged. */
};

/* An attachment at an address of the system's choice, and how long it is. */
struct place {
    long address;
    size_t length;
};

struct process {
    bool alive;
    pid_t pid;
    int watch; /* A descriptor that is readable when the process has ended. */
    uid_t uid;
    int places, recents;
    struct place place[PLACES];
    long recent[RECENT]; /* Addresses in the arena where something was attached. */
};

static struct segment segment[SEGMENTS];
static int segments;
static struct process process[SLOTS];
static pid_t pid_seen[PIDS];
static int pids;
static time_t started;
static long step;

/* ---- Random numbers, the same on every machine ------------------------------------------------------------------- */

static uint64_t random_state;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state * 0x2545f4914f6cdd1dULL) >> 33) % limit;
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

#define ONE_OF(list) ((list)[below(sizeof(list) / sizeof *(list))])

/* ---- Numbers of the model's own ----------------------------------------------------------------------------------- */

static int segment_of(int id)
{
    for (int i = segments - 1; i >= 0; i--)
        if (segment[i].id == id)
            return i;
    CHECK(segments < SEGMENTS);
    segment[segments] = (struct segment){.id = id};
    return segments++;
}

/* A segment that has not been seen to be gone, or -1. */
static int some_segment(void)
{
    int live = 0, chosen = -1;
    for (int i = 0; i < segments; i++)
        if (!segment[i].gone && below((unsigned)++live) == 0)
            chosen = i;
    return chosen;
}

static int live_segments(void)
{
    int live = 0;
    for (int i = 0; i < segments; i++)
        live += !segment[i].gone;
    return live;
}

static int pid_number(pid_t pid)
{
    for (int i = pids - 1; i >= 0; i--)
        if (pid_seen[i] == pid)
            return i;
    return -1;
}

static void note_pid(pid_t pid)
{
    CHECK(pids < PIDS);
    pid_seen[pids++] = pid;
}

static const char *shown_pid(pid_t pid)
{
    static char text[2][16];
    static int next;
    char *chosen = text[next++ % 2];
    if (pid == 0)
        return "0";
    snprintf(chosen, sizeof text[0], pid_number(pid) < 0 ? "unknown" : "P%d", pid_number(pid));
    return chosen;
}

static const char *shown_time(time_t time)
{
    /* The kernel's clock for stamps lags by up to a tick. */
    return time == 0 ? "0" : time >= started - 1 && time <= seconds_now() ? "in the run" : "wrong";
}

/* An address in the arena as its place there; any other that is not tiny only as one that exists. */
static const char *shown_address(long address)
{
    static char text[3][40];
    static int next;
    char *chosen = text[next++ % 3];
    if (address >= (long)ARENA && address < (long)pages_up(ARENA, ARENA_PAGES + 8))
        snprintf(chosen, sizeof text[0], "arena+0x%lx", address - (long)ARENA);
    else if (address > 0x100000 && address < (long)0x800000000000)
        snprintf(chosen, sizeof text[0], "place%s", address % (long)page_size() == 0 ? "" : " (unaligned)");
    else
        snprintf(chosen, sizeof text[0], "0x%lx", (unsigned long)address);
    return chosen;
}

/* ---- The attachments of a process --------------------------------------------------------------------------------- */

static void remember_place(struct process *owner, long address, size_t length)
{
    if (address >= (long)ARENA && address < (long)pages_up(ARENA, ARENA_PAGES))
        owner->recent[owner->recents++ % RECENT] = address;
    else if (address > 0x100000 && owner->places < PLACES)
        owner->place[owner->places++] = (struct place){address, length};
}

static void forget_place(struct process *owner, long address)
{
    for (int i = 0; i < owner->places; i++)
        if (owner->place[i].address == address)
            owner->place[i] = owner->place[--owner->places];
}

#endif
