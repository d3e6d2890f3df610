/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A call that would replace or move an attachment fails, early or late: what the kernel has mapped then is what is
 * counted, and what it has unmapped is no attachment, whatever comes to lie there.
 */
#include "limits.h"
#include "mappings.h"
#include "reach.h"

#include <sys/socket.h>

enum { PAGES = 3 };

static int id;
static struct mapped_file file;
static char *memory;

static void set_up(void)
{
    memory = ATTACH(id, NULL, 0);
    file = file_at(memory);
    CHECK_EQ(NATTCH(id), 1);
}

/* The attachment is there whole, or not at all; whoever detaches finds what the kernel says. */
static void check_agrees(bool must_be_there)
{
    bool there = is_mapped(memory);
    CHECK_EQ(mapped_in(getpid(), file).count, there);
    CHECK_EQ(NATTCH(id), there);
    CHECK(there || !must_be_there);
    if (there) {
        CHECK_OK(shmdt(memory));
    } else {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        CHECK(mmap(memory, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == memory);
        CHECK_ERRNO(shmdt(memory), EINVAL);
        CHECK(is_mapped(memory));
        CHECK_OK(munmap(memory, page_size()));
    }
    CHECK_EQ(NATTCH(id), 0);
}

/* A socket's own mmap refuses, when the kernel may already have unmapped what was there. */
static void by_a_socket(void)
{
    int socket_file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), all = MAP_SHARED | MAP_FIXED;
    CHECK_OK(socket_file);
    for (size_t pages = 1; pages <= PAGES; pages += PAGES - 1) {
        set_up();
        CHECK(mmap(memory, pages * page_size(), PROT_READ, all, socket_file, 0) == MAP_FAILED);
        if (pages == PAGES)
            check_agrees(false);
        else /* A piece of it may be gone. */
            CHECK_EQ(NATTCH(id), is_mapped(pages_up(memory, 1)));
        shmdt(memory);
        munmap(memory, PAGES * page_size());
        CHECK_EQ(NATTCH(id), 0);
    }
    close(socket_file);
}

static void early(void)
{
    int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    set_up();
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, MAP_PRIVATE | MAP_FIXED, directory, 0), ENODEV);
    check_agrees(true);
    set_up();
    CHECK_ERRNO(mmap(memory, 0, PROT_READ, anonymous | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERRNO(mmap(memory + 1, page_size(), PROT_READ, anonymous | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, anonymous | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, MAP_FIXED | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, MAP_SHARED | MAP_FIXED, -1, 0), EBADF);
    check_agrees(true);
    close(directory);
}

static void moves(void)
{
    size_t length = PAGES * page_size();
    set_up();
    char *plain = reserve(PAGES, PROT_READ);
    CHECK_ERRNO(mremap(memory, length, length, MREMAP_FIXED, plain), EINVAL);
    CHECK_ERRNO(mremap(memory, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, plain + 1), EINVAL);
    CHECK_ERRNO(mremap(memory, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, pages_up(memory, 1)), EINVAL);
    CHECK_ERRNO(mremap(memory + 1, length, length, 0), EINVAL);
    CHECK_ERRNO(mremap(memory, length, 0, MREMAP_MAYMOVE), EINVAL);
    check_agrees(true);
    /* Onto an attachment, from where nothing is: the target may be unmapped before that is found out. */
    set_up();
    char *nothing = free_range(1);
    CHECK_ERRNO(mremap(nothing, page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED, memory), EFAULT);
    CHECK_EQ(NATTCH(id), is_mapped(memory) || is_mapped(pages_up(memory, 1)));
    munmap(memory, length);
    CHECK_EQ(NATTCH(id), 0);
    CHECK_OK(munmap(plain, length));
}

static void without_room(void *nothing)
{
    (void)nothing;
    size_t too_much = (size_t)1 << (sizeof(size_t) * 6 - 3); /* 45 bits of 64. */
    set_up();
    lower_limit(RLIMIT_AS, address_space_used() + 16 * page_size());
    CHECK_ERRNO(mremap(memory, PAGES * page_size(), too_much, MREMAP_MAYMOVE), ENOMEM);
    CHECK_ERRNO(mremap(memory, 0, 1 << 20, MREMAP_MAYMOVE), ENOMEM);
    CHECK_ERRNO(mmap(memory, too_much << 3, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    check_agrees(true);
}

/* Removed, the segment goes with the attachment only. */
static void removed(void)
{
    int kept = id;
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    memory = ATTACH(id, NULL, 0);
    memory[0] = 'm';
    REMOVE(id);
    CHECK_ERRNO(mmap(memory, page_size(), PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0), EBADF);
    CHECK_EQ(NATTCH(id), 1);
    CHECK_EQ(memory[0], 'm');
    CHECK_OK(shmdt(memory));
    CHECK_GONE(id);
    id = kept;
}

int main(void)
{
    id = NEW_SEGMENT(PAGES * page_size(), 0600);
    by_a_socket();
    early();
    moves();
    RUN_CHILD(without_room, NULL);
    CHECK_EQ(NATTCH(id), 0);
    removed();
    return 0;
}
