/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Callers that would pass a preloaded object by: functions found by a handle of the C library, calls by number, plugins
 * that prefer the C library or have one of their own. argv[1] is such a plugin, built from reached_plugin.c. */
#include "truth.h"

#include <dlfcn.h>
#include <semaphore.h>

#ifdef __x86_64__
#define OLDEST "GLIBC_2.2.5"
#else
#define OLDEST "GLIBC_2.17"
#endif

#define FOUND(handle, name) ((__typeof__(&name))dlsym(handle, #name))

static void use_segment(__typeof__(&shmget) get, __typeof__(&shmat) attach, __typeof__(&shmdt) detach,
                        __typeof__(&shmctl) control)
{
    int id = DID("shmget", get(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
    void *memory = DID("shmat", attach(id, NULL, 0));
    memset(memory, 1, 4096);
    DID("shmctl", control(id, IPC_RMID, NULL));
    DID("shmdt", detach(memory));
}

static void by_handle(void)
{
    void *library = dlopen("libc.so.6", RTLD_NOW);
    CHECK(library != NULL);
    dlerror();
    use_segment(FOUND(library, shmget), FOUND(library, shmat), FOUND(library, shmdt), FOUND(library, shmctl));
    CHECK(dlerror() == NULL);
    __typeof__(&shmctl) old = (__typeof__(&shmctl))dlvsym(library, "shmctl", OLDEST);
    use_segment(FOUND(library, shmget), FOUND(library, shmat), FOUND(library, shmdt), old);
    /* The finder itself is found. */
    __typeof__(&dlsym) finder = FOUND(library, dlsym);
    __typeof__(&dlopen) opener = FOUND(library, dlopen);
    void *again = opener("libc.so.6", RTLD_NOW | RTLD_DEEPBIND);
    CHECK(again != NULL);
    use_segment((__typeof__(&shmget))finder(again, "shmget"), shmat, shmdt, shmctl);
    CHECK(finder(again, "there_is_no_such_function") == NULL);
    CHECK(strstr(dlerror(), "there_is_no_such_function") != NULL);
    /* Other functions are what they were. */
    CHECK(dlsym(library, "strtol") == dlsym(RTLD_NEXT, "strtol"));
    CHECK(FOUND(library, shmget) == FOUND(RTLD_NEXT, shmget) && FOUND(library, shmget) == FOUND(RTLD_DEFAULT, shmget));
}

static void by_number(__typeof__(&syscall) call)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/partage-reached-%d", (int)getpid());
    int id = DID("shmget", (int)call(SYS_shmget, IPC_PRIVATE, 4096, IPC_CREAT | 0600));
    void *memory = DID("shmat", (void *)call(SYS_shmat, id, NULL, 0));
    DID("shmdt", call(SYS_shmdt, memory));
    DID("shmctl", call(SYS_shmctl, id, IPC_RMID, NULL));
    CHECK(DID("shmctl", call(SYS_shmctl, id, IPC_RMID, NULL)) == -1 && errno == EINVAL);
    int object = DID("openat", (int)call(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600));
    DID("unlinkat", call(SYS_unlinkat, AT_FDCWD, path, 0));
    DID("close", call(SYS_close, object));
#ifdef SYS_openat2
    struct { unsigned long long flags, mode, resolve; } how = {O_RDWR | O_CREAT | O_EXCL, 0600, 0};
    object = DID("openat", (int)call(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
    DID("unlinkat", call(SYS_unlinkat, AT_FDCWD, path, 0));
    DID("close", call(SYS_close, object));
#endif
    int fd = DID("memfd_create", (int)call(SYS_memfd_create, "reached", 0));
    DID("ftruncate", call(SYS_ftruncate, fd, 8192L));
    int other = DID("dup", (int)call(SYS_dup, fd));
    /* Six arguments: the last comes on the stack. */
    char *mapped = DID("mmap", (char *)call(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096));
    *mapped = 'x';
    char byte;
    CHECK(pread(fd, &byte, 1, 4096) == 1 && byte == 'x');
    DID("munmap", call(SYS_munmap, mapped, 4096));
    DID("close", call(SYS_close, other));
    DID("close", call(SYS_close, fd));
    CHECK(call(SYS_getpid) == getpid());
}

/* The plugin's own word on what it did: its errno may be another C library's. */
static void by_plugin(void *plugin)
{
    CHECK(plugin != NULL);
    int (*make)(void) = (int (*)(void))dlsym(plugin, "plugin_makes");
    int (*removes)(int) = (int (*)(int))dlsym(plugin, "plugin_removes");
    int (*fails)(int) = (int (*)(int))dlsym(plugin, "plugin_fails");
    CHECK(make != NULL && removes != NULL && fails != NULL);
    int id = make();
    truth_with("shmget", id, 0);
    int removed = removes(id);
    truth_with("shmctl", removed, 0);
    int error = fails(id);
    truth_with("shmctl", -1, error);
    CHECK(id >= 0 && removed == 0 && error == EINVAL);
    /* What a library has for itself stays its own. */
    int (*own)(void) = (int (*)(void))dlsym(plugin, "shm_unlink");
    CHECK(own != NULL && own() == 4711);
}

static void semaphores(void)
{
    char name[64];
    snprintf(name, sizeof name, "/partage-reached-%d", (int)getpid());
    sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 3);
    CHECK(semaphore != SEM_FAILED);
    truth_with("sem_open", (long)semaphore, 0);
    sem_t *twice = sem_open(name, O_CREAT | O_EXCL, 0600, 3);
    truth_with("sem_open", -1, errno);
    CHECK(twice == SEM_FAILED);
    DID("sem_unlink", sem_unlink(name));
    DID("sem_close", sem_close(semaphore));
}

/* Files that the C library opens inside of itself. */
static void by_streams(void)
{
    char name[64], made[] = "/dev/shm/partage-reached-XXXXXX";
    snprintf(name, sizeof name, "/dev/shm/partage-reached-%d", (int)getpid());
    CHECK(fopen(name, "r") == NULL);
    truth_with("open", -1, errno);
    FILE *file = fopen(name, "w");
    CHECK(file != NULL);
    truth_with("open", fileno(file), 0);
    DID("fclose", fclose(file));
    DID("unlink", remove(name));
    int fd = DID("open", mkstemp(made));
    DID("unlink", unlink(made));
    DID("close", close(fd));
    CHECK((file = fopen("/dev/null", "r")) != NULL && fclose(file) == 0);
}

/* Paths that do not begin with /dev/shm/, and others that only look so. */
static void by_other_paths(void)
{
    char name[64], other[80], link_name[80];
    snprintf(name, sizeof name, "partage-reached-%d", (int)getpid());
    snprintf(other, sizeof other, "%s-other", name);
    int elsewhere = open(".", O_RDONLY | O_DIRECTORY), shared = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    CHECK(elsewhere >= 0 && shared >= 0 && openat(elsewhere, name, O_RDWR) == -1);
    int fd = DID("openat", openat(shared, name, O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK(DID("openat", openat(shared, name, O_RDWR | O_CREAT | O_EXCL, 0600)) == -1 && errno == EEXIST);
    DID("close", close(fd));
    CHECK(fchdir(shared) == 0);
    fd = DID("open", open(name, O_RDWR));
    DID("rename", rename(name, other));
    CHECK(DID("rename", renameat(shared, name, AT_FDCWD, other)) == -1 && errno == ENOENT);
    DID("link", link(other, name));
    DID("unlink", unlink(name));
    DID("unlinkat", unlinkat(shared, other, 0));
    CHECK(DID("unlinkat", unlinkat(shared, other, 0)) == -1 && errno == ENOENT);
    DID("close", close(fd));
    fd = DID("open", open("/dev/shm", O_RDWR | O_TMPFILE, 0600));
    snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
    DID("link", linkat(AT_FDCWD, link_name, shared, name, AT_SYMLINK_FOLLOW));
    DID("unlink", unlink(name));
    DID("close", close(fd));
    CHECK(fchdir(elsewhere) == 0 && close(elsewhere) == 0 && close(shared) == 0);
    CHECK(unlink(name) == -1 && (fd = open("/dev/null", O_RDWR)) >= 0 && close(fd) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    by_handle();
    by_number(syscall);
    by_number(FOUND(dlopen("libc.so.6", RTLD_NOW), syscall));
    by_plugin(dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND));
    by_plugin(dlmopen(LM_ID_BASE, argv[1], RTLD_NOW | RTLD_DEEPBIND));
    semaphores();
    by_streams();
    by_other_paths();
    truth_with("exit", 0, 0);
    return 0;
}
