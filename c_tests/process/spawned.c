/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs started by posix_spawn, system and popen do not count while they run, nor afterwards. */
#include "harness.h"

#include <spawn.h>

extern char **environ;

static int id;

/* The started program: says that it runs, then waits for the end of its standard input. */
static int started(void)
{
    char byte;
    if (write(STDOUT_FILENO, "r", 1) != 1)
        return 1;
    return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

static void by_posix_spawn(void)
{
    int in[2], out[2];
    char byte;
    pid_t child;
    char *arguments[] = {"spawned", "started", NULL};
    posix_spawn_file_actions_t actions;
    CHECK_OK(pipe2(in, O_CLOEXEC));
    CHECK_OK(pipe2(out, O_CLOEXEC));
    CHECK_EQ(posix_spawn_file_actions_init(&actions), 0);
    CHECK_EQ(posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO), 0);
    CHECK_EQ(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
    CHECK_EQ(posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    CHECK_EQ(read(out[0], &byte, 1), 1);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(close(in[1]));
    EXPECT_EXIT(child, 0);
    CHECK_EQ(posix_spawn_file_actions_destroy(&actions), 0);
}

static void by_system(void)
{
    CHECK_EQ(system("exit 7"), 7 << 8);
    CHECK_EQ(NATTCH(id), 1);
}

static void by_popen(void)
{
    char path[256], command[320];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(length > 0);
    path[length] = '\0';
    snprintf(command, sizeof command, "exec '%s' started </dev/null", path);
    FILE *program = popen(command, "re");
    CHECK(program != NULL);
    CHECK_EQ(fgetc(program), 'r');
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(pclose(program), 0);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc == 2)
        return started();
    id = NEW_SEGMENT(100, 0600);
    char *memory = ATTACH(id, NULL, 0);
    by_posix_spawn();
    CHECK_EQ(NATTCH(id), 1);
    by_system();
    by_popen();
    CHECK_EQ(NATTCH(id), 1);
    CHECK_OK(shmdt(memory));
    CHECK_EQ(NATTCH(id), 0);
    return 0;
}
