/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Another user of the namespace writes what he likes into the bookkeeping, where he may write. Whatever it says, no call
 * of anybody else changes the owner, the mode, the length or the contents of a file for it, and nobody is led to a file
 * of the attacker's: what a file is, its own owner and mode say. (On the kernel there are no bytes to write.)
 */
#include "surroundings.h"
#include "users.h"

enum { SIZE = 123457, AROUND = 512, MOST = 8, HEADER = 512 };

static int id;
static char secret_file[512];
static pid_t user;
static int secret;
static struct channel ready, hold;
static struct stat before;
static char *registry;
static size_t registry_length, slots, slot[MOST]; /* Where the size of the segment stands: it is no other number. */

/* Uses the segment all the time. Nobody else keeps anything of it from one call to the next. */
static void owner(void *nothing)
{
    (void)nothing;
    char *memory = ATTACH(id, NULL, 0);
    strcpy(memory, "secret");
    put_number(ready, (long)(uintptr_t)memory);
    get_number(hold);
    CHECK(strcmp(memory, "secret") == 0);
}

/* The file behind an attachment of another process. */
static void find_file(pid_t process, uintptr_t memory)
{
    char line[600];
    if (on_kernel())
        return;
    snprintf(line, sizeof line, "/proc/%d/maps", (int)process);
    FILE *maps = fopen(line, "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from;
        if (sscanf(line, "%lx-", &from) == 1 && from == memory)
            CHECK_EQ(sscanf(strchr(line, '/'), "%511s", secret_file), 1);
    }
    fclose(maps);
    CHECK_OK(stat(secret_file, &before));
    CHECK_OK(secret = open(secret_file, O_RDONLY | O_CLOEXEC));
}

static void map_registry(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/registry", namespace_directory());
    int file = open(path, O_RDWR | O_CLOEXEC);
    CHECK_OK(file);
    struct stat status;
    CHECK_OK(fstat(file, &status));
    registry_length = (size_t)status.st_size;
    registry = mmap(NULL, registry_length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(registry != MAP_FAILED);
    close(file);
}

static void find_slots(void)
{
    slots = 0;
    for (size_t at = 0; at + 4 <= registry_length && at < (64 << 20); at += 4) {
        uint32_t word;
        memcpy(&word, registry + at, 4);
        if (word == SIZE && slots < MOST)
            slot[slots++] = at;
    }
    CHECK(slots > 0);
}

static void begin(void)
{
    CHECK_OK(id = shmget(IPC_PRIVATE, SIZE, 0600));
    user = start_child(owner, NULL);
    find_file(user, (uintptr_t)get_number(ready));
    if (!on_kernel() && registry == NULL)
        map_registry();
    if (!on_kernel())
        find_slots();
}

static void end(void)
{
    put_number(hold, 0);
    EXPECT_EXIT(user, PASSED);
    CHECK(shmctl(id, IPC_RMID, NULL) == 0 || !on_kernel()); /* It may have been removed on the way. */
    if (!on_kernel()) {
        unlink(secret_file);
        close(secret);
    }
}

/*
 * Whoever may write the bookkeeping may have a segment removed; its memory stays with whoever uses it. Returns whether
 * that has happened.
 */
static bool begin_again(void)
{
    if (access(secret_file, F_OK) == 0)
        return false;
    end();
    begin();
    return true;
}

/* ---- What root does ------------------------------------------------------------------------------------------------ */

static void check_file(const char *what)
{
    struct stat now;
    char bytes[8] = "";
    CHECK_OK(fstat(secret, &now));
    CHECK_EQ(pread(secret, bytes, 6, 0), 6);
    if (now.st_uid != before.st_uid || now.st_gid != before.st_gid || now.st_mode != before.st_mode ||
        now.st_size != before.st_size || strcmp(bytes, "secret") != 0)
        FAIL("%s: the file is now of user %d, mode %o, %ld bytes, contents \"%s\"", what, (int)now.st_uid, now.st_mode,
             (long)now.st_size, bytes);
}

/* Ordinary calls, none of which asks for a change of this segment. Their answers may be errors. */
static void look(void)
{
    struct shmid_ds fields;
    struct shm_info info;
    shmctl(id, IPC_STAT, &fields);
    shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    int other = shmget(IPC_PRIVATE, 100, 0600);
    void *memory = shmat(other, NULL, 0);
    if (memory != (void *)-1)
        shmdt(memory);
    shmctl(other, IPC_RMID, NULL);
}

static void use(void *nothing)
{
    (void)nothing;
    void *memory = shmat(id, NULL, SHM_RDONLY);
    if (memory != (void *)-1)
        shmdt(memory);
    look();
}

static void use_in_child(void (*body)(void *), void *argument)
{
    int status = status_of(start_child(body, argument));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PASSED);
}

/* By this member, and sometimes by one that is new. */
static void root_calls(const char *what)
{
    static unsigned turn;
    look();
    if (turn++ % 8 == 0)
        use_in_child(use, NULL);
    check_file(what);
}

/* ---- What the attacker does ---------------------------------------------------------------------------------------- */

static void try_word(size_t at)
{
    static const uint32_t values[] = {ALICE, 0666, 0xffffffff, 0, 01666, SIZE + 4096};
    for (size_t i = at < HEADER ? 2 : 0; i < sizeof values / sizeof *values - 2 * (at < HEADER); i++) {
        uint32_t kept;
        char what[64];
        snprintf(what, sizeof what, "0x%x at %zu", values[i], at);
        memcpy(&kept, registry + at, 4);
        memcpy(registry + at, &values[i], 4);
        root_calls(what);
        memcpy(registry + at, &kept, 4);
        if (begin_again())
            return;
    }
}

/* All words of one kind at once: the mode everywhere, the owner everywhere, and a holder of every lock that is nobody. */
static void try_together(size_t around)
{
    enum { BOTH = 2 * AROUND };
    static const struct {
        uint32_t old, new;
    } changes[][2] = {{{0600, 0666}, {0, ALICE}}, {{0600, 0666}, {0600, 0666}}, {{0, ALICE}, {0, ALICE}}, {{0, 0xffff}, {0600, 0666}}};
    char kept[BOTH];
    size_t from = around - AROUND, length = BOTH;
    CHECK(around >= AROUND && around + AROUND <= registry_length);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(kept, registry + from, length);
        for (size_t at = from; at + 4 <= from + length; at += 4) {
            uint32_t word;
            memcpy(&word, registry + at, 4);
            for (int j = 0; j < 2; j++)
                if (word == changes[i][j].old) {
                    memcpy(registry + at, &changes[i][j].new, 4);
                    break;
                }
        }
        root_calls("all words of a kind");
        memcpy(registry + from, kept, length);
        if (begin_again())
            return;
    }
}

/* Attaches and writes, as the segment's owner does. */
static void write_secret(void *nothing)
{
    (void)nothing;
    char *memory = shmat(id, NULL, 0);
    if (memory != (void *)-1)
        memcpy(memory, "secret", 6);
}

static void check_not_led(int attackers)
{
    char bytes[8] = "";
    use_in_child(write_secret, NULL);
    CHECK(pread(attackers, bytes, 6, 0) == 6 && strcmp(bytes, "secret") != 0);
    check_file("another file's name");
}

/* The number at `place` leads to the attacker's file; and somewhere near it stands who owns that. */
static void lead_to(int attackers, size_t place, const void *changed, size_t size)
{
    char kept[8];
    memcpy(kept, registry + place, size);
    memcpy(registry + place, changed, size);
    check_not_led(attackers);
    for (size_t at = place < 128 ? 0 : place - 128; at < place + 128 && at + 4 <= registry_length; at += 4) {
        uint32_t owner = ALICE, word;
        memcpy(&word, registry + at, 4);
        if (word != 0)
            continue;
        memcpy(registry + at, &owner, 4);
        check_not_led(attackers);
        memcpy(registry + at, &word, 4);
    }
    memcpy(registry + place, kept, size);
}

/* Each number in the file's name, as text and in the registry, becomes that of a file of the attacker's. */
static void try_names(size_t around)
{
    const char *name = strrchr(secret_file, '/') + 1;
    for (const char *at = strchr(name, '-'); at != NULL; at = strchr(at + 1, '-')) {
        char path[800], *end;
        uint64_t value = strtoull(at + 1, &end, 16), changed = value ^ 0x70;
        if (end == at + 1)
            continue;
        snprintf(path, sizeof path, "%s/%.*s%llx%s", namespace_directory(), (int)(at + 1 - name), name,
                 (unsigned long long)changed, end);
        int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        CHECK_OK(file);
        CHECK_OK(fchmod(file, 0666));
        CHECK_OK(ftruncate(file, before.st_size));
        CHECK_OK(fchown(file, ALICE, CREW));
        for (size_t size = 4; size <= 8; size += 4)
            for (size_t place = (around - AROUND / 2) / size * size; place < around + AROUND / 2; place += size)
                if (memcmp(registry + place, &value, size) == 0)
                    lead_to(file, place, &changed, size);
        close(file);
        unlink(path);
    }
}

int main(void)
{
    share_namespace();
    ready = new_channel();
    hold = new_channel();
    begin();
    for (size_t i = 0; i < slots; i++)
        try_names(slot[i]);
    for (size_t i = 0; i < slots; i++)
        try_together(slot[i]);
    for (size_t at = 0; !on_kernel() && at < HEADER; at += 4)
        try_word(at);
    for (size_t offset = 0; slots > 0 && offset < AROUND; offset += 4)
        try_word(slot[0] - AROUND / 2 + offset);
    end();
    return 0;
}
