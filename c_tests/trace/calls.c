/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every covered call that stays in one process, with success and failure, and beside them the same calls on memory and
 * descriptors that are not shared memory, which must leave no record. */
#include "truth.h"

static char *unrelated; /* A path outside /dev/shm. */
static volatile uintptr_t bad = 8; /* No mapped address. */

static void system_v(void)
{
    int id = DID("shmget", shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600));
    CHECK(id >= 0);
    DID("shmget", shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
    char *at = DID("shmat", shmat(id, NULL, 0));
    CHECK(at != (char *)-1);
    DID("shmat", shmat(-1, NULL, 0));
    DID("shmat", shmat(id, at + 1, 0));
    struct shmid_ds status;
    DID("shmctl", shmctl(id, IPC_STAT, &status));
    CHECK(status.shm_segsz == 10000);
    DID("shmctl", shmctl(id, IPC_SET, &status));
    DID("shmctl", shmctl(0, IPC_INFO, (struct shmid_ds *)&(struct shminfo){0}));
    DID("shmctl", shmctl(0, SHM_INFO, (struct shmid_ds *)&(struct shm_info){0}));
    DID("shmctl", shmctl(-1, IPC_STAT, &status));
    DID("mprotect", mprotect(at, 4096, PROT_READ));
    DID("shmdt", shmdt(at + 4096));
    DID("shmdt", shmdt(at));
    DID("shmdt", shmdt(at));
    DID("shmctl", shmctl(id, IPC_RMID, NULL));
    DID("shmctl", shmctl(id, IPC_RMID, NULL));
}

static void posix_objects(void)
{
    char name[64], path[256];
    own_name(name, sizeof name, "/calls");
    const char *directory = getenv("OBJECTS"); /* Where POSIX objects are, if not in the usual place. */
    snprintf(path, sizeof path, "%s%s", directory ? directory : "/dev/shm", name);
    DID("shm_open", shm_open(name, O_RDWR, 0));
    DID("shm_open", shm_open("/a/b", O_RDWR, 0));
    int fd = DID("shm_open", shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600));
    CHECK(fd >= 0);
    DID("ftruncate", ftruncate(fd, 65536));
    DID("ftruncate", ftruncate64(fd, 8192 * 4));
    DID("fallocate", fallocate(fd, 0, 0, 4096));
    DID("fallocate", posix_fallocate(fd, 0, 4096));
    int copy = DID("dup", dup(fd));
    DID("dup2", dup2(fd, 90));
    DID("dup2", dup2(fd, -1));
    DID("dup3", dup3(90, 91, O_CLOEXEC));
    DID("fcntl", fcntl(fd, F_DUPFD, 92));
    DID("fcntl", fcntl(fd, F_DUPFD_CLOEXEC, 93));
    DID("fcntl", fcntl(92, F_SETFD, FD_CLOEXEC));
    CHECK(fcntl(fd, F_GETFD) >= 0);
    CHECK(fcntl(fd, F_GETFL) >= 0);
    char *at = DID("mmap", mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    DID("mmap", mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0));
    DID("mprotect", mprotect(at, 16384, PROT_READ));
    at = DID("mremap", mremap(at, 16384, 32768, MREMAP_MAYMOVE));
    CHECK(at != MAP_FAILED);
    DID("munmap", munmap(at + 4096, 4096));
    DID("mmap", mmap(at + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    CHECK(munmap(at + 8192, 4096) == 0); /* No longer shared memory. */
    CHECK(munmap(at + 4096, 4096) == 0);
    DID("munmap", munmap(at, 4096));
    DID("munmap", munmap(at + 12288, 32768 - 12288));
    int unrelated_fd = open(unrelated, O_RDONLY);
    DID("dup2", dup2(unrelated_fd, 93)); /* Closes shared memory. */
    CHECK(close(93) == 0);
    FILE *stream = fdopen(copy, "r+");
    DID("fclose", fclose(stream));
    DID("close", close(fd));
    CHECK(close(fd) == -1 && errno == EBADF);
    int again = DID("open", open(path, O_RDWR));
    DID("close", close(again));
    again = DID("openat", openat(AT_FDCWD, path, O_RDONLY));
    DID("close", close(again));
    CHECK(close_range(80, 89, 0) == 0);
    DID("close_range", close_range(90, 91, 0));
    DID("shm_unlink", shm_unlink(name));
    DID("shm_unlink", shm_unlink(name));
    DID("unlink", unlink(path));
    CHECK(close(unrelated_fd) == 0);
}

static void memory_files(void)
{
    int fd = DID("memfd_create", memfd_create("trace", MFD_ALLOW_SEALING));
    DID("ftruncate", ftruncate(fd, 4096));
    DID("fcntl", fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    char *at = DID("mmap", mmap64(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
    DID("munmap", munmap(at, 4096));
    closefrom(80);
    truth("closefrom", 0); /* 92 is still open. */
    DID("close", close(fd));
}

/* Nothing here may leave a record. */
static void unrelated_calls(void)
{
    int fd = open(unrelated, O_RDONLY);
    CHECK(fd >= 0);
    CHECK(open("/nonexistent/x", O_RDONLY) == -1 && errno == ENOENT);
    CHECK(open((char *)bad, O_RDONLY) == -1 && errno == EFAULT);
    CHECK(open((char *)bad, O_RDONLY | O_TMPFILE) == -1);
    CHECK(unlink((char *)bad) == -1 && errno == EFAULT);
    char *file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    char *plain = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(file != MAP_FAILED && plain != MAP_FAILED);
    CHECK(mprotect(plain, 1 << 20, PROT_READ) == 0);
    plain = mremap(plain, 1 << 20, 1 << 21, MREMAP_MAYMOVE);
    CHECK(munmap(plain, 1 << 21) == 0 && munmap(file, 4096) == 0);
    int copy = dup(fd);
    CHECK(dup2(fd, copy) == copy && fcntl(fd, F_DUPFD, 0) >= 0 && close(copy) == 0 && close(fd) == 0);
    FILE *stream = fopen(unrelated, "r");
    CHECK(stream && fclose(stream) == 0);
    CHECK(close(-1) == -1 && errno == EBADF);
}

int main(int argc, char **argv)
{
    CHECK(argc > 0);
    unrelated = argv[0];
    unrelated_calls();
    system_v();
    posix_objects();
    memory_files();
    unrelated_calls();
    truth("exit", 0);
    return 0;
}
