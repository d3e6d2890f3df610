//! Processes that a signal ended, and what the recording says of it when nobody waits for them.

use crate::support::{Scratch, traced};

/// Its child reaches beyond the end of an object, or is sent the signal; nobody waits for it.
const BEYOND: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (argc != 2) return 99;
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) {
        int fd = memfd_create("short", 0);
        if (ftruncate(fd, 4096) != 0) _exit(98);
        char *memory = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (argv[1][0] == 's') raise(SIGBUS);
        memory[8192] = 1;
        _exit(0);
    }
    /* Without its status: it tells that the child has ended. */
    return waitpid(-1, 0, 0) != -1 || errno != ECHILD;
}
"#;

#[test]
fn who_reaches_beyond_an_object_says_so_itself() {
    let scratch = Scratch::new();
    let program = scratch.compile("beyond", BEYOND, &[]);
    let ended = traced(&scratch, &["--leaks", "--calls"], &program, &["reach"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    for words in [
        "+++ killed by SIGBUS +++",
        "(beyond) was killed by SIGBUS",
        "had 16 KiB of memfd:short 4 KiB mapped",
        ", 8 KiB into it",
    ] {
        assert_eq!(
            ended.output.matches(words).count(),
            1,
            "{words}: {}",
            ended.output
        );
    }
}

#[test]
fn a_bus_error_that_was_sent_ends_the_process_too() {
    let scratch = Scratch::new();
    let program = scratch.compile("sent_to", BEYOND, &[]);
    let ended = traced(&scratch, &["--leaks"], &program, &["sent"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let words = "(sent_to) was killed by SIGBUS";
    assert!(ended.output.contains(words), "{}", ended.output);
    assert!(!ended.output.contains("into it"), "{}", ended.output);
}

/// Asks in many ways what is done about the signal before it does anything about it.
const ASKS: &str = r#"
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>
static int is_default(void)
{
    struct sigaction action;
    struct { void *handler; unsigned long rest[3]; } raw = {(void *)1, {1, 1, 1}};
    if (sigaction(SIGBUS, NULL, &action) != 0 || syscall(SYS_rt_sigaction, SIGBUS, NULL, &raw, 8) != 0) return 0;
    return action.sa_handler == SIG_DFL && action.sa_flags == 0 && raw.handler == NULL && raw.rest[0] == 0;
}
int main(int argc, char **argv)
{
    if (argc != 2) return 99;
    if (!is_default()) return 1;
    switch (argv[1][0]) {
    case 's': return signal(SIGBUS, SIG_IGN) != SIG_DFL || signal(SIGBUS, SIG_DFL) != SIG_IGN;
    case 'b': return ssignal(SIGBUS, SIG_IGN) != SIG_DFL;
    case 'v': return sysv_signal(SIGBUS, SIG_IGN) != SIG_DFL;
    default: return sigset(SIGBUS, SIG_HOLD) != SIG_DFL;
    }
}
"#;

#[test]
fn a_program_finds_no_handler_that_it_did_not_set() {
    let scratch = Scratch::new();
    let program = scratch.compile("asks", ASKS, &["-Wno-deprecated-declarations"]);
    for way in ["signal", "bsd", "v", "hold"] {
        let ended = traced(&scratch, &["--leaks"], &program, &[way]);
        assert_eq!(ended.code(), Some(0), "{way}: {}", ended.output);
    }
}
