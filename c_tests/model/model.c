/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A random sequence of calls, and a log of everything that they showed. Ids, pids and addresses appear in it as the
 * model's own numbers, so that two implementations without a difference write the same log for the same seed.
 *
 *   model one|several SEED STEPS
 */
#include "choose.h"

static bool several;

static const char *shown_error(int error)
{
    const char *name = strerrorname_np(error);
    return error == UNTOUCHED ? "" : name != NULL ? name : "errno ?";
}

/* ---- The fields of segments --------------------------------------------------------------------------------------- */

static void show_fields(char *text, size_t size, const struct shmid_ds *fields, bool late)
{
    const struct ipc_perm *perm = &fields->shm_perm;
    snprintf(text, size,
             "key %d owner %u:%u creator %u:%u mode 0%o size %zu atime %s dtime %s ctime %s cpid %s lpid %s nattch %lu",
             perm->__key, perm->uid, perm->gid, perm->cuid, perm->cgid, (unsigned)perm->mode, fields->shm_segsz,
             shown_time(fields->shm_atime), shown_time(fields->shm_dtime), shown_time(fields->shm_ctime),
             shown_pid(fields->shm_cpid), late ? "late" : shown_pid(fields->shm_lpid), (unsigned long)fields->shm_nattch);
}

static void note_owner(int id, const struct shmid_ds *fields)
{
    struct segment *noted = &segment[segment_of(id)];
    noted->uid = fields->shm_perm.uid;
    noted->gid = fields->shm_perm.gid;
}

/* Logs what has changed in each segment since it was last looked at. The caller is the model itself, as root. */
static void look_at_segments(void)
{
    uid_t uid = geteuid();
    if (uid != 0)
        CHECK_OK(setresuid((uid_t)-1, 0, (uid_t)-1));
    for (int i = 0; i < segments; i++) {
        struct shmid_ds fields;
        char text[sizeof segment[i].shown];
        if (segment[i].gone)
            continue;
        segment[i].gone = shmctl(segment[i].id, IPC_STAT, &fields) == -1;
        if (segment[i].gone)
            snprintf(text, sizeof text, "%s", shown_error(errno));
        else if (fields.shm_perm.__seq != segment[i].id >> 15)
            snprintf(text, sizeof text, "wrong sequence %d", fields.shm_perm.__seq);
        else
            show_fields(text, sizeof text, &fields, segment[i].late);
        if (!segment[i].gone) {
            note_owner(segment[i].id, &fields);
            segment[i].creator = fields.shm_perm.cuid; /* Never changes, and is not what IPC_SET was given. */
            segment[i].owned = true;
            segment[i].vast = fields.shm_segsz > 1 << 30;
        }
        if (strcmp(text, segment[i].shown) != 0)
            printf("    S%d: %s\n", i, strcpy(segment[i].shown, text));
    }
    if (uid != 0)
        CHECK_OK(setresuid((uid_t)-1, uid, (uid_t)-1));
}

/* ---- The log of a call -------------------------------------------------------------------------------------------- */

static const char *shown_id(long id)
{
    static char text[24];
    for (int i = segments - 1; i >= 0; i--)
        if (segment[i].id == id || segment[i].id + 32768 == id) {
            snprintf(text, sizeof text, "S%d%s", i, segment[i].id == id ? "" : "+sequence");
            return text;
        }
    snprintf(text, sizeof text, "%ld", id);
    return text;
}

static const char *shown_index(long index)
{
    for (int i = segments - 1; i >= 0; i--)
        if (!segment[i].gone && (segment[i].id & 0x7fff) == (index & 0x7fff))
            return shown_id(segment[i].id);
    return "none";
}

/* Of an id or an index. */
static bool stamped_late(long id)
{
    for (int i = segments - 1; i >= 0; i--)
        if (!segment[i].gone && (segment[i].id & 0x7fff) == (id & 0x7fff))
            return segment[i].late;
    return false;
}

static void log_call(int slot, const struct command *command)
{
    static const char *const names[] = {"shmget", "shmat",  "shmdt", "shmctl", "munmap", "mmap", "mremap", "store",
                                        "look",   "become", "fork",  "vfork",  "exec",   "exit", "die"};
    const long *argument = command->argument;
    printf("%ld P%d %s(", step, pid_number(process[slot].pid), names[command->operation]);
    switch (command->operation) {
    case GET:
        printf("%d, %zu, 0%o)", (int)argument[0], (size_t)argument[1], (unsigned)argument[2]);
        break;
    case AT:
        printf("%s, %s, 0%o)", shown_id(argument[0]), shown_address(argument[1]), (unsigned)argument[2]);
        break;
    case CTL:
        printf("%s, %d, buffer %ld", argument[1] == SHM_STAT || argument[1] == SHM_STAT_ANY ? shown_index(argument[0])
                                                                                            : shown_id(argument[0]),
               (int)argument[1], argument[2]);
        if (argument[1] == IPC_SET)
            printf(", %d:%d 0%o", (int)command->fields.shm_perm.uid, (int)command->fields.shm_perm.gid,
                   (unsigned)command->fields.shm_perm.mode);
        printf(")");
        break;
    case REMAP:
        printf("%s, 0x%lx, 0x%lx, %ld, %s)", shown_address(argument[0]), argument[1], argument[2], argument[3],
               shown_address(argument[4]));
        break;
    case DT: case UNMAP: case MAP: case STORE:
        printf("%s, 0x%lx, 0x%lx)", shown_address(argument[0]), argument[1], argument[2]);
        break;
    default:
        printf("%ld, %ld)", argument[0], argument[1]);
    }
}

/* The highest index in use is a number of the implementation's: what counts is that it is the highest. */
static void log_highest(long result)
{
    long highest = 0;
    struct shmid_ds fields;
    for (int i = 0; i < segments; i++) {
        long index = segment[i].id & 0x7fff;
        if (!segment[i].gone && index > highest && shmctl((int)index, SHM_STAT_ANY, &fields) == segment[i].id)
            highest = index;
    }
    printf(result == highest ? " = highest" : " = %ld, the highest is %ld", result, highest);
}

static void log_control(const struct command *command, const struct reply *reply)
{
    char text[256];
    const struct shminfo *limits = (const void *)&reply->fields;
    const struct shm_info *usage = (const void *)&reply->fields;
    switch (command->argument[1]) {
    case SHM_STAT: case SHM_STAT_ANY:
        printf(" = %s", shown_id(reply->result));
        __attribute__((fallthrough));
    case IPC_STAT:
        show_fields(text, sizeof text, &reply->fields, stamped_late(command->argument[0]));
        printf(" %s", text);
        break;
    case IPC_INFO:
        log_highest(reply->result);
        printf(" %lu %lu %lu %lu %lu", limits->shmmax, limits->shmmin, limits->shmmni, limits->shmseg, limits->shmall);
        break;
    case SHM_INFO:
        log_highest(reply->result);
        printf(" used %d total %lu swap %lu %lu %lu", usage->used_ids, usage->shm_tot, usage->shm_swp,
               usage->swap_attempts, usage->swap_successes);
        break;
    default:
        printf(" = %ld", reply->result);
    }
}

static void log_reply(const struct command *command, const struct reply *reply)
{
    bool failed = reply->result == -1;
    if (failed)
        printf(" = %s", shown_error(reply->error));
    else if (command->operation == GET)
        printf(" = S%d", segment_of((int)reply->result));
    else if (command->operation == AT || command->operation == MAP || command->operation == REMAP)
        printf(" = %s", shown_address(reply->result));
    else if (command->operation == CTL)
        log_control(command, reply);
    else if (command->operation == LOOK)
        printf(" %s", reply->text);
    else if (command->operation == FORK)
        printf(" = P%d", pid_number((pid_t)reply->result));
    else
        printf(" = %ld", reply->result);
    if (!failed && command->operation != LOOK && command->operation != STORE && command->operation != BECOME)
        printf("%s", reply->error == UNTOUCHED ? "" : " and errno was touched");
    printf("\n");
}

/* ---- What a call changes in the model's memory -------------------------------------------------------------------- */

static size_t length_of(int id)
{
    struct shmid_ds fields;
    return shmctl(id, SHM_STAT_ANY, &fields) == -1 ? 0 : (fields.shm_segsz + page_size() - 1) & -page_size();
}

static void remember(struct process *caller, const struct command *command, const struct reply *reply)
{
    const long *argument = command->argument;
    if (reply->result == -1)
        return;
    if (command->operation == AT)
        remember_place(caller, reply->result, length_of((int)argument[0]));
    if (command->operation == DT || command->operation == UNMAP)
        forget_place(caller, argument[0]);
    if (command->operation == REMAP) {
        if (argument[1] != 0)
            forget_place(caller, argument[0]);
        remember_place(caller, reply->result, 0);
    }
    if (command->operation == CTL && argument[1] == IPC_SET)
        note_owner((int)argument[0], &command->fields);
    if (command->operation == BECOME)
        caller->uid = (uid_t)argument[0];
}

/* ---- Processes ---------------------------------------------------------------------------------------------------- */

static struct reply receive(int slot)
{
    struct reply reply;
    transfer(read(end_of(slot, REPLY), &reply, sizeof reply), sizeof reply);
    return reply;
}

static void adopt(int slot, pid_t pid, const struct process *like)
{
    note_pid(pid);
    process[slot] = *like;
    process[slot].alive = true;
    process[slot].pid = pid;
    CHECK_OK(process[slot].watch = (int)syscall(SYS_pidfd_open, pid, 0));
}

/* Waits until the process is dead, its memory given back: only then may the next call be made. */
static void bury(int slot)
{
    struct pollfd watch = {.fd = process[slot].watch, .events = POLLIN};
    CHECK_EQ(poll(&watch, 1, -1), 1);
    CHECK_OK(close(process[slot].watch));
    process[slot].alive = false;
}

static struct reply ask(int slot, const struct command *command)
{
    if (!several)
        return answer(command);
    transfer(write(end_of(slot, COMMAND), command, sizeof *command), sizeof *command);
    struct reply reply = {.result = 0, .error = UNTOUCHED};
    if (command->operation == LEAVE || command->operation == DIE) {
        bury(slot);
        return reply;
    }
    reply = receive(slot);
    if (command->operation == FORK && reply.result != -1) {
        int child = (int)command->argument[0];
        CHECK_EQ(receive(child).result, reply.result);
        adopt(child, (pid_t)reply.result, &process[slot]);
    }
    if (command->operation == EXEC) {
        process[slot].uid = 0;
        process[slot].places = process[slot].recents = 0;
    }
    return reply;
}

static int free_slot(void)
{
    for (int slot = 0; slot < SLOTS; slot++)
        if (!process[slot].alive)
            return slot;
    return -1;
}

static int some_process(void)
{
    int alive = 0, chosen = -1;
    for (int slot = 0; slot < SLOTS; slot++)
        if (process[slot].alive && below((unsigned)++alive) == 0)
            chosen = slot;
    return chosen;
}

static void start_process(void)
{
    int slot = free_slot();
    fflush(NULL);
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0)
        serve(slot);
    adopt(slot, child, &(struct process){0});
    printf("new process P%d\n", pid_number(child));
}

static void make_pipes(void)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        struct channel commands = new_channel(), replies = new_channel();
        const int from[ENDS] = {commands.read_end, replies.write_end, commands.write_end, replies.read_end};
        for (int end = 0; end < ENDS; end++) {
            CHECK_OK(dup2(from[end], end_of(slot, (enum end)end))); /* Kept over exec. */
            CHECK_OK(close(from[end]));
        }
    }
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

/*
 * Looks at all segments, but not always: a call must find out by itself what a death before it has changed. The library
 * stamps lpid when it notices the death, which is then after whatever was done in between; the kernel has the order in
 * which things happened. That is the one deliberate difference, so lpid is not compared from there on.
 */
static void end_of_step(bool death)
{
    bool looks = !several || chance(70);
    for (int i = 0; death && !looks && i < segments; i++)
        segment[i].late = true;
    if (looks)
        look_at_segments();
}

static void one_step(void)
{
    int slot = some_process(), room = free_slot();
    struct command command = choose(&process[slot], several);
    if (command.operation == FORK && room == -1)
        command.operation = LEAVE;
    if (command.operation == FORK)
        command.argument[0] = room;
    log_call(slot, &command);
    struct reply reply = ask(slot, &command);
    log_reply(&command, &reply);
    if (process[slot].alive)
        remember(&process[slot], &command, &reply);
    if (several && some_process() == -1)
        start_process();
    end_of_step(command.operation == LEAVE || command.operation == DIE || command.operation == EXEC);
}

/* The deaths of all are part of the log; removing what is left is not. */
static void end_run(void)
{
    for (int slot = 0; several && slot < SLOTS; slot++)
        if (process[slot].alive) {
            CHECK_OK(kill(process[slot].pid, SIGKILL));
            bury(slot);
        }
    CHECK_OK(become(0, 0));
    look_at_segments();
    for (int i = 0; i < segments; i++)
        if (!segment[i].gone)
            REMOVE(segment[i].id);
}

static int run(uint64_t seed, long steps)
{
    random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
    started = seconds_now();
    CHECK_OK(setgroups(0, NULL));
    umask(0);
    if (several) {
        make_pipes();
        start_process();
        start_process();
    } else {
        adopt(0, getpid(), &(struct process){0});
    }
    for (step = 0; step < steps; step++)
        one_step();
    end_run();
    return 0;
}

int main(int argc, char **argv)
{
    CHECK(argc >= 3);
    setvbuf(stdout, NULL, _IOLBF, 0); /* What led to a hang is in the log. */
    share_namespace();
    prepare_process();
    if (strcmp(argv[1], "serve") == 0) {
        struct reply ready = {.error = UNTOUCHED};
        send_reply(atoi(argv[2]), &ready);
        serve(atoi(argv[2]));
    }
    CHECK(argc == 4);
    several = strcmp(argv[1], "several") == 0;
    edges = !several;
    return run(strtoull(argv[2], NULL, 10), atol(argv[3]));
}
