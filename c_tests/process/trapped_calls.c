/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A sandbox that answers forbidden system calls from its SIGSYS handler, as browsers do: the kernel kills a process that
 * has the signal blocked when it is due. Whatever is forbidden, our calls work or say why not, and the handler may
 * make the same calls.
 */
#include "harness.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <ucontext.h>

static int id, refusal;
static char *memory;
static bool handler_calls;
static volatile sig_atomic_t inside, refused;

#if defined __x86_64__
#define ANSWER(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined __i386__
#define ANSWER(context) ((context)->uc_mcontext.gregs[REG_EAX])
#elif defined __aarch64__
#define ANSWER(context) ((context)->uc_mcontext.regs[0])
#elif defined __riscv
#define ANSWER(context) ((context)->uc_mcontext.__gregs[10])
#endif

/* Its own calls may need what is forbidden: those within are answered at once. */
static void on_forbidden(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    int kept = errno;
    refused++;
    if (handler_calls && !inside) {
        inside = 1;
        struct shmid_ds fields;
        if (shmctl(id, IPC_STAT, &fields) != 0 || fields.shm_nattch < 1)
            _exit(40);
        int before = refused;
        void *again = shmat(id, NULL, 0);
        if (again != (void *)-1 && shmdt(again) != 0 && refused == before)
            _exit(41);
        inside = 0;
    }
    ANSWER((ucontext_t *)context) = -refusal;
    errno = kept;
}

static void forbid(int call)
{
    struct sigaction answer = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};
    CHECK_OK(sigaction(SIGSYS, &answer, NULL));
    CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
}

/* Each call works, or fails and has done nothing. No CHECK: what it prints with may be forbidden. */
static void use(void)
{
    struct shmid_ds fields;
    if (memory == NULL) {
        int first = shmget(IPC_PRIVATE, 100, 0600);
        if (first != -1)
            shmctl(first, IPC_RMID, NULL);
        _exit(0);
    }
    if (shmctl(id, IPC_STAT, &fields) != 0 || fields.shm_nattch < 1)
        _exit(50);
    unsigned long before = fields.shm_nattch;
    void *again = shmat(id, NULL, 0);
    bool counts = shmctl(id, IPC_STAT, &fields) == 0 && fields.shm_nattch == before + (again != (void *)-1);
    if (!counts && !handler_calls) /* What the handler attached may be there still. */
        _exit(51);
    if (again != (void *)-1 && shmdt(again) == 0)
        before--;
    if (again == (void *)-1 && refused == 0)
        _exit(52);
    int new = shmget(IPC_PRIVATE, 100, 0600);
    if (new == -1 && refused == 0)
        _exit(53);
    if (new != -1 && shmctl(new, IPC_RMID, NULL) != 0 && refused == 0)
        _exit(54);
    memory[0] = 'm';
    _exit(shmdt(memory) == 0 || refused != 0 ? 0 : 55);
}

/* A system call that an implementation may make, and when in a program's life it gets forbidden. */
struct forbidden {
    int call;
    bool before_first, handler_calls;
};

static void run(void *argument)
{
    const struct forbidden *forbidden = argument;
    if (!forbidden->before_first) {
        memory = ATTACH(id, NULL, 0);
        CHECK_OK(shmdt(ATTACH(id, NULL, 0)));
        handler_calls = forbidden->handler_calls;
    }
    forbid(forbidden->call);
    use();
}

int main(void)
{
    static const int calls[] = {
        SYS_openat, SYS_mmap,      SYS_munmap,    SYS_mremap,     SYS_fcntl, SYS_close,   SYS_ftruncate,
        SYS_fchmod, SYS_fchown,    SYS_unlinkat,  SYS_renameat2,  SYS_linkat, SYS_madvise, SYS_fallocate,
        SYS_mkdirat, SYS_geteuid,  SYS_getpid,    SYS_statfs,     SYS_fstatfs, SYS_prctl, SYS_getrandom,
#ifdef SYS_newfstatat
        SYS_newfstatat,
#endif
#ifdef SYS_fstat
        SYS_fstat,
#endif
#ifdef SYS_open
        SYS_open, SYS_unlink, SYS_rename, SYS_stat,
#endif
    };
    id = NEW_SEGMENT(100, 0600);
    ATTACH(id, NULL, 0);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int when = 0; when < 3; when++)
            for (int answer = 0; answer < 2; answer++) {
                struct forbidden forbidden = {calls[i], when == 0, when == 2};
                refusal = answer == 0 ? EACCES : ENOSYS;
                pid_t child = start_child(run, &forbidden);
                int status = status_of(child);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                    FAIL("call %d forbidden, case %d, errno %d: wait status 0x%x", calls[i], when, refusal,
                         (unsigned)status);
                CHECK_EQ(NATTCH(id), 1);
            }
    return 0;
}
