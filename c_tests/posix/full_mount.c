/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mount without free pages, one without free inodes, and the caller's own limit on the size of files. */
#include "objects.h"

static void no_pages(void *nothing)
{
    (void)nothing;
    mount_on_object_directory("size=64k,mode=1777");
    const char *name = unique_name();
    int file = new_object(name, 1 << 20);
    char *memory = map_object(file, 1 << 20, PROT_READ | PROT_WRITE);
    char block[4096] = "x";
    ssize_t written;
    while ((written = write(file, block, sizeof block)) == sizeof block)
        continue;
    CHECK(written == -1 && errno == ENOSPC);
    CHECK_EQ(store_signal(memory), 0);
    CHECK_EQ(store_signal(memory + (1 << 19)), SIGBUS);
    CHECK_EQ(load_signal(memory + (1 << 19)), SIGBUS); /* A load needs a page as well. */
    CHECK_EQ(posix_fallocate(file, 1 << 19, 4096), ENOSPC);
    /* A full mount still creates. */
    CHECK_OK(close(shm_open(unique_name(), O_CREAT | O_EXCL | O_RDWR, 0600)));
}

static void no_inodes(void *nothing)
{
    (void)nothing;
    mount_on_object_directory("nr_inodes=4,mode=1777");
    int file = 0, made = 0;
    while ((file = shm_open(unique_name(), O_CREAT | O_EXCL | O_RDWR, 0600)) != -1) {
        CHECK_OK(close(file));
        CHECK(++made < 4);
    }
    CHECK_EQ(errno, ENOSPC);
}

static void file_size_limit(void *nothing)
{
    (void)nothing;
    int file = new_object(unique_name(), 4096);
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, 8192}));
    CHECK_OK(ftruncate(file, 8192));
    signal(SIGXFSZ, SIG_IGN);
    CHECK_ERRNO(ftruncate(file, 8193), EFBIG);
    signal(SIGXFSZ, SIG_DFL);
    CHECK_OK(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}));
    ftruncate(file, 8193) == 0 ? _exit(3) : _exit(2);
}

int main(void)
{
    RUN_CHILD(no_pages, NULL);
    RUN_CHILD(no_inodes, NULL);
    EXPECT_SIGNAL(start_child(file_size_limit, NULL), SIGXFSZ);
    return 0;
}
