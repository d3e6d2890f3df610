//! What a recorded program executes in unusual ways.

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
