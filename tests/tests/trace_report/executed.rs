//! Programs that execute others in unusual ways, or leave themselves little to do.

use std::time::Duration;

use partage_tests::process::run_bounded;

use crate::support::{Scratch, among_others, partage, traced};

const BOUND: Duration = Duration::from_secs(60);

/// Executes itself without an environment, in the way that its argument names; then makes a segment, and removes it.
const CLEARED: &str = r#"
#define _GNU_SOURCE
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char *next[] = {argv[0], NULL};
    int status;
    pid_t child;
    if (argc == 1) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        return shmctl(id, IPC_RMID, NULL);
    }
    if (!strcmp(argv[1], "null")) execve(argv[0], next, NULL);
    if (strcmp(argv[1], "spawned")) {
        clearenv();
        execv(argv[0], next);
    }
    if (posix_spawn(&child, argv[0], NULL, NULL, next, NULL) != 0) return 99;
    return waitpid(child, &status, 0) != child || status;
}
"#;

#[test]
fn a_program_without_an_environment_is_recorded() {
    let scratch = Scratch::new();
    let program = scratch.compile("cleared", CLEARED, &[]);
    for way in ["cleared", "null", "spawned"] {
        let words = ["--fail-on-leaks", "--strict", "--calls"];
        let ended = traced(&scratch, &words, &program, &[way]);
        assert_eq!(ended.code(), Some(0), "{way}: {}", ended.output);
        let made = "shmget(IPC_PRIVATE, 4096, IPC_CREAT|0600) = ";
        assert!(ended.output.contains(made), "{way}: {}", ended.output);
    }
}

/// Counts how often a child stops that it traces and that executes another program.
const DEBUGGER: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int status, stops = 0;
    pid_t child = fork();
    if (argc != 2 || child == -1) return 99;
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execl(argv[1], argv[1], (char *)NULL);
        _exit(98);
    }
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        stops++;
        ptrace(PTRACE_CONT, child, NULL, NULL);
    }
    return stops != 1 || status != 0;
}
"#;

#[test]
fn a_debugger_sees_no_exec_but_its_own_programs() {
    let scratch = Scratch::new();
    let program = scratch.compile("debugger", DEBUGGER, &[]);
    let fixed = scratch.compile("fixed", "int main(void) { return 0; }", &["-static"]);
    let ended = traced(&scratch, &["--leaks"], &program, &[fixed.to_str().unwrap()]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(
        ended.output.contains("which left no recording"),
        "{}",
        ended.output
    );
}

/// Allows itself nothing but what it does then, on pain of death, after a fork if it has an argument.
const LOCKED_IN: &str = r#"
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
static int locked_in(int by_number)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(shmget), ALLOW(shmat), ALLOW(shmdt), ALLOW(shmctl), ALLOW(exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 99;
    if (by_number ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)
                  : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) return 98;
    for (int turn = 0; turn < 100; turn++) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        void *memory = shmat(id, NULL, 0);
        if (shmctl(id, IPC_RMID, NULL) != 0 || shmdt(memory) != 0) return 97;
    }
    return 0;
}
int main(int argc, char **argv)
{
    int status;
    (void)argv;
    if (argc == 1) _exit(locked_in(0));
    pid_t child = fork();
    if (child == 0) _exit(locked_in(1));
    return waitpid(child, &status, 0) != child || status;
}
"#;

#[test]
fn a_program_that_allows_itself_little_lives_and_is_recorded() {
    let scratch = Scratch::new();
    let program = scratch.compile("locked_in", LOCKED_IN, &[]);
    for arguments in [&[][..], &["fork"][..]] {
        let words = ["--fail-on-leaks", "--strict", "--calls"];
        let ended = traced(&scratch, &words, &program, arguments);
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        let made = ended.output.matches("shmget(").count();
        assert_eq!(made, 100, "{}", ended.output);
    }
}

/// Takes another root directory, or keeps itself from opening anything; then makes segments.
const SHUT_IN: &str = r#"
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};
    if (argc > 1 ? chroot(argv[1]) != 0 || chdir("/") != 0 : setrlimit(RLIMIT_NOFILE, &none) != 0) return 77;
    for (int turn = 0; turn < 300; turn++) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        if (shmctl(id, IPC_RMID, NULL) != 0) return 97;
    }
    return 0;
}
"#;

#[test]
fn a_program_that_reaches_no_file_any_more_is_recorded() {
    let scratch = Scratch::new();
    let program = scratch.compile("shut_in", SHUT_IN, &["-g"]);
    let jail = scratch.path("jail");
    std::fs::create_dir(&jail).unwrap();
    for arguments in [&[][..], &["."][..]] {
        let words = ["--fail-on-leaks", "--strict", "--calls", "-k"];
        let _others = among_others();
        let mut command = partage(&["trace"]);
        command.args(words).arg("--").arg(&program).args(arguments);
        command.current_dir(&jail);
        let ended = run_bounded(&mut command, &scratch.path("log"), BOUND).unwrap();
        if ended.code() == Some(77) {
            println!("skipped: needs root");
            continue;
        }
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        let places = ended.output.matches("shut_in.c:11").count();
        assert_eq!(places, 300, "{}", ended.output);
    }
}

#[test]
fn a_program_that_changes_its_directory_finds_the_recording() {
    let _others = among_others();
    let scratch = Scratch::new();
    let program = scratch.compile("cleared", CLEARED, &[]);
    let elsewhere = format!("cd /; {}", program.display());
    let mut command = partage(&["trace", "--fail-on-leaks", "--strict", "--calls", "--"]);
    command.args(["sh", "-c", &elsewhere]);
    command.current_dir(&scratch.0).env("TMPDIR", ".");
    let ended = run_bounded(&mut command, &scratch.path("log"), BOUND).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("shmget("), "{}", ended.output);
}
