/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ftok: eight bits of the project, eight of the device, sixteen of the inode; the errors are those of stat. */
#include "harness.h"

static key_t expected(const char *path, int project)
{
    struct stat status;
    CHECK_OK(stat(path, &status));
    return (key_t)((unsigned)(project & 0xff) << 24 | ((unsigned)status.st_dev & 0xff) << 16 |
                   ((unsigned)status.st_ino & 0xffff));
}

int main(void)
{
    static const int projects[] = {1, 'a', 0, 255, 256, 0x1234, -1};
    static const char *const paths[] = {"/", "/proc/self/exe", "/dev/null", "/etc"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (size_t j = 0; j < sizeof projects / sizeof *projects; j++)
            CHECK_EQ(ftok(paths[i], projects[j]), expected(paths[i], projects[j]));
    CHECK_ERRNO(ftok("/nonexistent-for-this-test", 1), ENOENT);
    CHECK_ERRNO(ftok("/dev/null/below", 1), ENOTDIR);
    CHECK_ERRNO(ftok("", 1), ENOENT);

    key_t key = ftok("/proc/self/exe", getpid());
    int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
    if (id == -1 && errno == EEXIST)
        SKIP("somebody else uses the key 0x%x", (unsigned)key);
    CHECK_OK(id);
    removed_at_end(id);
    CHECK_EQ(shmget(key, 0, 0), id);
    return 0;
}
