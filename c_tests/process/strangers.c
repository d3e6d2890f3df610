/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs that never met share a segment by key, by id, by id after its removal, and an object by name. */
#include "harness.h"

/* The other program: finds the memory by what it was told, reads the question and leaves the answer. */
static int stranger(const char *how, const char *what)
{
    char *memory;
    if (strcmp(how, "name") == 0) {
        int file = shm_open(what, O_RDWR, 0);
        CHECK_OK(file);
        memory = mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        CHECK(memory != MAP_FAILED);
    } else {
        int id = strcmp(how, "key") == 0 ? shmget((key_t)atol(what), 100, 0600) : atoi(what);
        memory = ATTACH(id, NULL, 0);
    }
    CHECK(strcmp(memory, "question") == 0);
    strcpy(memory, how);
    return 0;
}

static const char *answer(const char *how, const char *what)
{
    fflush(NULL);
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        execl("/proc/self/exe", "strangers", how, what, (char *)NULL);
        _exit(2);
    }
    EXPECT_EXIT(child, 0);
    return how;
}

static const char *text_of(long number)
{
    static char text[24];
    snprintf(text, sizeof text, "%ld", number);
    return text;
}

static void by_key_and_id(void)
{
    key_t key = unique_key();
    int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
    CHECK_OK(id);
    char *memory = ATTACH(id, NULL, 0);
    strcpy(memory, "question");
    CHECK(strcmp(memory, answer("key", text_of(key))) == 0);
    strcpy(memory, "question");
    CHECK(strcmp(memory, answer("id", text_of(id))) == 0);
    REMOVE(id);
    CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
    strcpy(memory, "question");
    CHECK(strcmp(memory, answer("id", text_of(id))) == 0);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
}

static void by_name(void)
{
    const char *name = unique_name();
    int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK_OK(file);
    CHECK_OK(ftruncate(file, 100));
    char *memory = mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    strcpy(memory, "question");
    CHECK(strcmp(memory, answer("name", name)) == 0);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return stranger(argv[1], argv[2]);
    by_key_and_id();
    by_name();
    return 0;
}
