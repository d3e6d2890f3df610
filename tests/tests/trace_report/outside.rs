//! Recording from outside: static programs, everything by option, a running process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use partage_tests::process::run_bounded;
use std::time::Duration;

use crate::support::{Scratch, alone, partage, traced, traced_alone};

const BOUND: Duration = Duration::from_secs(60);

/// Uses everything once, in a child too; with argument `l` the segment stays. Waits for its input, if told to.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (argc < 3) return 99;
    if (argc > 3) { puts("ready"); fflush(stdout); getchar(); }
    int id = shmget(IPC_PRIVATE, 8192, 0600);
    char *memory = shmat(id, 0, 0);
    memset(memory, 1, 8192);
    if (fork() == 0) {
        int fd = shm_open(argv[2], O_CREAT | O_EXCL | O_RDWR, 0600);
        if (fd < 0 || ftruncate(fd, 4096) != 0) _exit(98);
        char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        page[0] = 1;
        shm_unlink(argv[2]); /* while it is held: others who look see whose it is */
        munmap(page, 4096);
        close(fd);
        _exit(shmdt(memory) != 0);
    }
    int status;
    wait(&status);
    int memfd = memfd_create("outside", 0);
    close(memfd);
    shmdt(memory);
    if (argv[1][0] != 'l') shmctl(id, IPC_RMID, 0);
    else printf("%d\n", id);
    return status != 0;
}
"#;

fn name(test: &str) -> String {
    format!("/partage-outside-{}-{test}", std::process::id())
}

/// Takes away the segment whose id the program has printed.
fn remove_printed(output: &str) {
    let id = output.lines().find_map(|line| line.parse::<i32>().ok());
    let id = id.unwrap().to_string();
    let removed = Command::new("ipcrm").args(["-m", &id]).status().unwrap();
    assert!(removed.success());
}

fn calls(output: &str) -> Vec<&str> {
    let lines = output.lines().filter(|line| line.starts_with("[pid"));
    let calls = lines.filter_map(|line| line.split_once("] ")?.1.split_once('('));
    calls.map(|(call, _)| call).collect()
}

#[track_caller]
fn is_recorded(program: &Path, words: &[&str], test: &str) {
    let scratch = Scratch::new();
    let words = [&["--fail-on-leaks=all", "--calls"], words].concat();
    let ended = traced(&scratch, &words, program, &["t", &name(test)]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let seen = calls(&ended.output);
    for call in [
        "shmget",
        "shmat",
        "fork",
        "ftruncate",
        "mmap",
        "munmap",
        "close",
        "shmdt",
        "memfd_create",
        "shmctl",
    ] {
        assert!(seen.contains(&call), "{call}: {}", ended.output);
    }
    let object = format!("# {} 4 KiB", name(test));
    assert!(ended.output.contains(&object), "{}", ended.output);
    assert!(
        ended
            .output
            .contains("no leak: everything made was removed"),
        "{}",
        ended.output
    );
    let ended = traced(&scratch, &words, program, &["l", &name(test)]);
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    assert!(
        ended.output.contains("1 segment never removed"),
        "{}",
        ended.output
    );
    remove_printed(&ended.output);
}

/// Builds a program with a tool that is not there everywhere.
fn built_by(
    tool: &str,
    words: &[&str],
    scratch: &Scratch,
    source: &str,
    text: &str,
) -> Option<PathBuf> {
    let (source, program) = (scratch.path(source), scratch.path("built"));
    fs::write(&source, text).unwrap();
    let mut command = Command::new(tool);
    command.args(words).arg("-o").arg(&program).arg(&source);
    // Of Go: no C library, and its own files in the test's directory.
    let go = [
        ("CGO_ENABLED", "0"),
        ("GO111MODULE", "off"),
        ("GOFLAGS", ""),
    ];
    command.envs(go).env("GOCACHE", scratch.path("cache"));
    if command
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        return Some(program);
    }
    println!("skipped: no {tool}");
    None
}

#[test]
fn a_static_program_of_musl_is_recorded_by_itself() {
    let scratch = Scratch::new();
    let built = built_by("musl-gcc", &["-static"], &scratch, "program.c", PROGRAM);
    if let Some(program) = built {
        is_recorded(&program, &[], "musl");
    }
}

/// Leaves two objects, made by functions of the C library that have others between themselves and the system call.
const LEAVES: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
__attribute__((noinline)) static int opens(const char *name) { return shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600) + 1; }
__attribute__((noinline)) static int streams(const char *name)
{
    char path[200] = "/dev/shm";
    strcat(path, name);
    return (fopen(strcat(path, "-2"), "w") != NULL) + 1;
}
int main(int argc, char **argv)
{
    int made = opens(argv[argc - 1]);
    made += streams(argv[argc - 1]);
    return made < 3;
}
"#;

#[test]
fn a_static_program_leaves_something_at_its_own_lines() {
    let _alone = alone();
    for (tool, test) in [("gcc", "lines"), ("musl-gcc", "lines-of-musl")] {
        let (scratch, name) = (Scratch::new(), name(test));
        let words = ["-static", "-O2", "-g"];
        let Some(program) = built_by(tool, &words, &scratch, "leaves.c", LEAVES) else {
            continue;
        };
        let ended = traced_alone(&scratch, &["--fail-on-leaks"], &program, &[&name]);
        for left in ["", "-2"] {
            fs::remove_file(format!("/dev/shm{name}{left}")).unwrap();
        }
        assert_eq!(ended.code(), Some(1), "{}", ended.output);
        for (function, line) in [("opens", 6), ("streams", 11), ("main", 15), ("main", 16)] {
            let place = format!("leaves.c:{line}");
            let told = ended.output.lines().find(|told| told.ends_with(&place));
            let told = told.is_some_and(|told| told.contains(&format!("{function} at ")));
            let on_x86_64 = cfg!(target_arch = "x86_64");
            assert!(told || !on_x86_64, "{tool}, {place}: {}", ended.output);
        }
    }
}

/// Go makes system calls without any C library.
const GO: &str = r#"
package main

import (
	"fmt"
	"syscall"
)

func main() {
	id, _, _ := syscall.Syscall(syscall.SYS_SHMGET, 0, 4096, 01600)
	fmt.Println(id)
}
"#;

#[test]
fn a_program_of_go_is_recorded_by_itself() {
    let scratch = Scratch::new();
    let Some(program) = built_by("go", &["build"], &scratch, "leak.go", GO) else {
        return;
    };
    let ended = traced(&scratch, &["--fail-on-leaks"], &program, &[]);
    remove_printed(&ended.output);
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    for words in ["1 segment never removed", "(built), shmget"] {
        assert!(ended.output.contains(words), "{words}: {}", ended.output);
    }
}

#[test]
fn a_static_program_is_recorded_by_itself() {
    let scratch = Scratch::new();
    is_recorded(
        &scratch.compile("fixed", PROGRAM, &["-static"]),
        &[],
        "static",
    );
}

#[test]
fn any_program_is_by_option() {
    let scratch = Scratch::new();
    is_recorded(
        &scratch.compile("usual", PROGRAM, &[]),
        &["--ptrace"],
        "usual",
    );
}

const LIBRARY: &str = "
#include <sys/shm.h>
int make(void);
__attribute__((noinline)) int make(void) { return shmget(IPC_PRIVATE, 4096, 0600) + 1; }
";

const LOADS: &str = "
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    (void)argc;
    void *library = dlopen(argv[1], RTLD_NOW);
    if (library == NULL) return 1;
    int (*make)(void) = (int (*)(void))dlsym(library, \"make\");
    printf(\"%d\\n\", make() - 1);
    return 0;
}
";

#[test]
fn what_is_loaded_later_has_names() {
    let scratch = Scratch::new();
    let library = scratch.compile("late.so", LIBRARY, &["-g", "-shared", "-fPIC"]);
    let program = scratch.compile("loads", LOADS, &["-g"]);
    let words = ["--ptrace", "--leaks"];
    let ended = traced(&scratch, &words, &program, &[library.to_str().unwrap()]);
    remove_printed(&ended.output);
    let place = format!("      make at {}:4\n", scratch.path("late.so.c").display());
    assert!(ended.output.contains(&place), "{}", ended.output);
}

#[test]
fn statuses_and_signals_are_the_programs() {
    let scratch = Scratch::new();
    let source = "#include <stdlib.h>\n#include <signal.h>\n\
        int main(int n, char **v){int a=atoi(v[n-1]);if(a>100)raise(a-100);return a;}";
    let program = scratch.compile("status", source, &["-static"]);
    let run = |status: &str| traced(&scratch, &[], &program, &[status]);
    assert_eq!(run("7").code(), Some(7));
    let killed = run("115");
    assert_eq!(killed.describe(), "killed by signal 15");
    assert!(
        killed.output.contains("was killed by SIGTERM"),
        "{}",
        killed.output
    );
}

#[test]
fn a_running_process_is_followed_and_left_running() {
    let scratch = Scratch::new();
    let program = scratch.compile("waiting", PROGRAM, &[]);
    let start = || {
        let mut child = Command::new(&program)
            .args(["l", &name("attach"), "wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        (child, output)
    };
    // To its end: what it leaves is seen.
    let (mut child, mut output) = start();
    let pid = child.id().to_string();
    let recording = scratch.path("rec");
    let kept = recording.to_str().unwrap();
    let words = ["trace", "--fail-on-leaks", "-o", kept, "--attach", &pid];
    let log = scratch.path("log");
    let mut tracer = partage(&words);
    let follower = std::thread::spawn(move || run_bounded(&mut tracer, &log, BOUND).unwrap());
    while !traces(&recording) {
        std::thread::yield_now();
        assert!(
            !follower.is_finished(),
            "{}",
            follower.join().unwrap().output
        );
    }
    drop(child.stdin.take());
    let ended = follower.join().unwrap();
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    assert!(
        ended.output.contains("1 segment never removed"),
        "{}",
        ended.output
    );
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    remove_printed(&rest);
    // Interrupted, the tracer lets it go.
    let (mut child, mut output) = start();
    let second = scratch.path("again");
    let words = ["trace", "-o", second.to_str().unwrap(), "--attach"];
    let mut tracer = partage(&words)
        .arg(child.id().to_string())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !traces(&second) {
        std::thread::yield_now();
        assert!(tracer.try_wait().unwrap().is_none());
    }
    let tracer_id = tracer.id().to_string();
    let sent = Command::new("kill").args(["-INT", &tracer_id]).status();
    assert!(sent.unwrap().success());
    assert_eq!(tracer.wait().unwrap().code(), Some(0));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    remove_printed(&rest);
}

/// Whether a process is being recorded there.
fn traces(directory: &PathBuf) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "ptrace"))
        .any(|entry| entry.metadata().is_ok_and(|data| data.len() >= 4096))
}
