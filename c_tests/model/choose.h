/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The next call: which, and with which arguments. Mostly sensible ones, and every kind of wrong one now and then. */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "state.h"

static bool edges; /* Whether wrong arguments are as frequent as right ones. */

static bool odd(void)
{
    return chance(edges ? 25 : 6);
}

static key_t some_key(void)
{
    static const key_t keys[] = {0x5e6, 0x5e7, 0x5e8, -1, INT32_MIN, INT32_MAX, IPC_PRIVATE, IPC_PRIVATE};
    return ONE_OF(keys);
}

static int some_mode(void)
{
    static const int modes[] = {0600, 0600, 0666, 0644, 0660, 0777, 0, 0400, 0200, 0060, 0006, 0111, 0444, 0640};
    return ONE_OF(modes);
}

static int some_id(void)
{
    int chosen = some_segment();
    if (odd() || chosen == -1) {
        int gone = segments > 0 ? segment[below((unsigned)segments)].id : 12345;
        int wrong[] = {-1, INT32_MIN, INT32_MAX, gone, gone, chosen == -1 ? gone : segment[chosen].id + 32768};
        return ONE_OF(wrong);
    }
    return segment[chosen].id;
}

static long arena_page(void)
{
    return (long)pages_up(ARENA, below(ARENA_PAGES));
}

static size_t some_pages(void)
{
    return (1 + below(4)) * page_size();
}

/* An address where something may be attached, or exactly where something was. */
static long some_address(const struct process *caller)
{
    if (odd()) {
        long wrong[] = {0, 1, 0x800, 0x1000, -1, -4096, 1L << 62, 0x7ffffffff000, arena_page() + 1, arena_page() + 2048};
        return ONE_OF(wrong);
    }
    if (caller->places > 0 && chance(50))
        return caller->place[below((unsigned)caller->places)].address;
    if (caller->recents > 0 && chance(70))
        return caller->recent[below((unsigned)(caller->recents < RECENT ? caller->recents : RECENT))];
    return arena_page();
}

static void choose_get(long *argument)
{
    static const size_t sizes[] = {1, 100, 4096, 4096, 4097, 8192, 12000, 16384};
    static const size_t wrong_sizes[] = {0, 0, SIZE_MAX, SIZE_MAX - 4095, (size_t)1 << 63, (size_t)1 << 50};
    static const int flags[] = {IPC_CREAT, IPC_CREAT, IPC_CREAT, IPC_CREAT | IPC_EXCL, 0, IPC_EXCL};
    static const int odd_flags[] = {0x8000, 0x40000000, (int)0x80000000, SHM_NORESERVE, 21 << SHM_HUGE_SHIFT, SHM_HUGETLB,
                                    SHM_HUGETLB | 12 << SHM_HUGE_SHIFT};
    argument[0] = some_key();
    argument[1] = (long)(odd() ? ONE_OF(wrong_sizes) : ONE_OF(sizes));
    argument[2] = ONE_OF(flags) | some_mode() | (odd() ? ONE_OF(odd_flags) : 0);
}

static void choose_attach(const struct process *caller, long *argument)
{
    static const int odd_flags[] = {SHM_EXEC, 0777, IPC_CREAT, (int)0x80000000, SHM_RND, SHM_REMAP};
    argument[0] = some_id();
    argument[1] = chance(40) ? 0 : arena_page();
    argument[2] = (chance(30) ? SHM_RDONLY : 0) | (odd() ? ONE_OF(odd_flags) : 0);
    if (argument[1] != 0 && chance(40))
        argument[2] |= SHM_REMAP; /* Only in the arena: elsewhere it could replace what the process needs. */
    if (argument[1] != 0 && chance(20)) {
        argument[1] += below(4096);
        argument[2] |= SHM_RND;
    }
    if ((argument[2] & SHM_REMAP) == 0 && odd())
        argument[1] = some_address(caller);
}

/*
 * Without privilege a segment is not given away, nor changed by a creator who owns it no more: the library can record
 * that and not change the file, whose mode then judges as before.
 */
static void keep_owner(const struct process *caller, struct command *command)
{
    for (int i = segments - 1; i >= 0; i--)
        if (segment[i].id == command->argument[0]) {
            command->fields.shm_perm.uid = segment[i].uid;
            command->fields.shm_perm.gid = segment[i].gid;
            if (!segment[i].owned || (caller->uid == segment[i].creator && caller->uid != segment[i].uid))
                command->argument[1] = IPC_STAT;
            return;
        }
}

static void choose_control(const struct process *caller, struct command *command)
{
    static const int commands[] = {IPC_STAT, IPC_STAT, IPC_SET,  IPC_SET,  IPC_RMID,     IPC_INFO,
                                   SHM_INFO, SHM_STAT, SHM_LOCK, SHM_LOCK, SHM_STAT_ANY, SHM_UNLOCK};
    static const int wrong_commands[] = {-1, 4, 10, 16, 0x100, 0x102, INT32_MAX, INT32_MIN};
    static const uid_t uids[] = {0, ALICE, BOB, (uid_t)-1};
    static const gid_t gids[] = {0, CREW, GUESTS, (gid_t)-1};
    long *argument = command->argument;
    int cmd = chance(4) ? ONE_OF(wrong_commands) : ONE_OF(commands);
    argument[0] = some_id();
    /* A vast one that root has locked counts against the memory that its user may lock from then on. */
    for (int i = 0; cmd == SHM_LOCK && i < segments; i++)
        if (segment[i].id == argument[0] && segment[i].vast)
            cmd = SHM_UNLOCK;
    argument[1] = cmd;
    argument[2] = odd() ? below(READ_ONLY + 1) : GOOD;
    if (cmd == SHM_STAT || cmd == SHM_STAT_ANY) { /* An index; the bits above it do not count. */
        int chosen = some_segment();
        argument[0] = chosen == -1 || odd() ? 20000 : chance(50) ? segment[chosen].id : segment[chosen].id & 0x7fff;
    }
    if (cmd == IPC_SET) {
        memset(&command->fields, 0x5a, sizeof command->fields);
        command->fields.shm_perm.uid = uids[below(odd() ? 4 : 3)];
        command->fields.shm_perm.gid = gids[below(odd() ? 4 : 3)];
        command->fields.shm_perm.mode = (mode_t)(some_mode() | (odd() ? 07000 : 0));
        if (caller->uid != 0)
            keep_owner(caller, command);
    }
}

static void choose_remap(const struct process *caller, long *argument)
{
    argument[0] = chance(60) ? some_address(caller) : arena_page();
    argument[1] = (long)some_pages();
    argument[2] = (long)some_pages();
    argument[3] = MREMAP_MAYMOVE | MREMAP_FIXED;
    argument[4] = arena_page();
    for (int i = 0; i < caller->places; i++) /* Of one outside the arena nothing may stay behind. */
        if (caller->place[i].address == argument[0])
            argument[1] = (long)caller->place[i].length;
    if (chance(20) && argument[0] >= (long)ARENA && argument[0] < (long)pages_up(ARENA, ARENA_PAGES))
        argument[3] = 0;
    if (chance(15))
        argument[1] = 0; /* A second mapping of the same memory. */
    if (odd())
        argument[2] = chance(50) ? 0 : 4097;
}

static void choose_unmap(const struct process *caller, long *argument)
{
    argument[0] = arena_page();
    argument[1] = (long)some_pages() - (odd() ? 1000 : 0);
    if (caller->places > 0 && chance(20)) { /* All of one outside the arena: a hole there could be filled by anything. */
        const struct place *chosen = &caller->place[below((unsigned)caller->places)];
        argument[0] = chosen->address;
        argument[1] = (long)chosen->length;
    } else if (odd()) {
        argument[chance(50)] = chance(50) ? 0 : 1;
    }
}

/* How often each operation is chosen: the first fits one process, all of them several. */
static enum operation some_operation(bool several)
{
    static const struct {
        enum operation operation;
        unsigned weight;
    } table[] = {{GET, 18}, {AT, 30}, {DT, 18}, {CTL, 26},  {UNMAP, 8}, {MAP, 3}, {REMAP, 7}, {STORE, 12},
                 {LOOK, 4}, {BECOME, 3}, {VFORK, 1}, {FORK, 6}, {EXEC, 2}, {LEAVE, 3}, {DIE, 3}};
    unsigned total = 0, count = several ? 15 : 11;
    for (unsigned i = 0; i < count; i++)
        total += table[i].weight;
    unsigned left = below(total);
    for (unsigned i = 0;; i++) {
        if (left < table[i].weight)
            return table[i].operation;
        left -= table[i].weight;
    }
}

static struct command choose(const struct process *caller, bool several)
{
    static const uid_t uids[] = {0, 0, ALICE, BOB};
    static const gid_t gids[] = {0, CREW, GUESTS};
    struct command command = {.operation = some_operation(several)};
    long *argument = command.argument;
    if (live_segments() > 24) /* Enough: remove one. */
        command = (struct command){.operation = CTL, .argument = {segment[some_segment()].id, IPC_RMID}};
    else if (caller->places >= PLACES)
        command = (struct command){.operation = DT, .argument = {caller->place[0].address}};
    else if (command.operation == GET)
        choose_get(argument);
    else if (command.operation == AT)
        choose_attach(caller, argument);
    else if (command.operation == DT)
        argument[0] = some_address(caller);
    else if (command.operation == CTL)
        choose_control(caller, &command);
    else if (command.operation == UNMAP)
        choose_unmap(caller, argument);
    else if (command.operation == REMAP)
        choose_remap(caller, argument);
    else if (command.operation == MAP) {
        argument[0] = arena_page();
        argument[1] = (long)some_pages();
        argument[2] = chance(70) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    } else if (command.operation == STORE) {
        argument[0] = caller->places > 0 && chance(40) ? caller->place[below((unsigned)caller->places)].address
                                                       : arena_page();
        argument[1] = 'a' + below(26);
    } else if (command.operation == BECOME) {
        argument[0] = ONE_OF(uids);
        argument[1] = ONE_OF(gids);
    } else if (command.operation == DIE)
        argument[0] = chance(60) ? SIGKILL : SIGTERM;
    return command;
}

#endif
