/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * As a fuzzer and its target: the id comes in an environment variable, a constructor of the started program attaches
 * it, and hundreds of forked children inherit it one after the other.
 */
#include "harness.h"

enum { FORKS = 300 };

static char *map;

__attribute__((constructor)) static void attach_early(void)
{
    const char *id = getenv("TARGET_MAP");
    if (id != NULL)
        map = shmat(atoi(id), NULL, 0);
}

static int target(void)
{
    CHECK(map != NULL && map != (void *)-1);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        CHECK_OK(child);
        if (child == 0) {
            map[i % 100]++;
            _exit(0);
        }
        EXPECT_EXIT(child, 0);
    }
    return 0;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc == 2)
        return target();
    int id = NEW_SEGMENT(65536, IPC_CREAT | IPC_EXCL | 0600);
    char *mine = ATTACH(id, NULL, 0);
    char text[16];
    snprintf(text, sizeof text, "%d", id);
    CHECK_OK(setenv("TARGET_MAP", text, 1));
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        execl("/proc/self/exe", "environment_id", "target", (char *)NULL);
        _exit(2);
    }
    EXPECT_EXIT(child, 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(mine[i], FORKS / 100);
    CHECK_EQ(NATTCH(id), 1);
    return 0;
}
