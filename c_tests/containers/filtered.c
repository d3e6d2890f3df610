/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs a program under a filter for the kernel's System V calls: filtered kill|trap|eperm|enosys PROGRAM ARGUMENT... */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILTERED(number, steps) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##number, steps, 0)

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    unsigned action = strcmp(argv[1], "kill") == 0     ? SECCOMP_RET_KILL_PROCESS
                      : strcmp(argv[1], "trap") == 0   ? SECCOMP_RET_TRAP
                      : strcmp(argv[1], "enosys") == 0 ? SECCOMP_RET_ERRNO | ENOSYS
                                                       : SECCOMP_RET_ERRNO | EPERM;
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        FILTERED(shmget, 4),
        FILTERED(shmat, 3),
        FILTERED(shmdt, 2),
        FILTERED(shmctl, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, action),
    };
    struct sock_fprog filter = {.len = sizeof steps / sizeof *steps, .filter = steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        perror("seccomp");
        return 1;
    }
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 1;
}
