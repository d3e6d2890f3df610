//! What people who know strace and perf write, and progress on a terminal.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use partage_trace_format::Call;
use partage_trace_format::header::{Origin, State};

use crate::scene;
use crate::support::{Scratch, built, partage, reported, traced};
use crate::writer::TraceFile;

/// The shell's child leaves a segment and removes it.
const CHILD: &str = "#include <sys/shm.h>
int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    void *p = shmat(id, 0, 0);
    return shmdt(p) || shmctl(id, IPC_RMID, 0);
}
";

#[test]
fn strace_s_options_mean_what_they_mean_there() {
    let scratch = Scratch::new();
    let program = scratch.compile("child", CHILD, &[]);
    let script = format!("{0}; {0}", program.display());
    let shell = Path::new("/bin/sh");
    let of = |words: &[&str]| {
        let ended = traced(&scratch, words, shell, &["-c", &script]);
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        ended.output
    };
    let text = of(&["-f", "-y", "-q", "-tt", "-e", "trace=shmget,shmdt"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    // The program is told where it changes.
    assert!(
        lines[0].contains("<child>]") && !lines[1].contains('<'),
        "{text}"
    );
    let ipc = of(&["-e", "%ipc", "-q"]);
    assert_eq!(ipc.lines().count(), 8, "{ipc}");
    let child = of(&["--comm", "child"]);
    assert!(
        child.contains("shmget") && !child.contains("fork"),
        "{child}"
    );
    assert!(!of(&["--comm", "sh,dash,bash", "-q"]).contains("shmget"));
}

const FORKS: &str = "#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    for (int number = 0; number < 3; number++) {
        if (fork() == 0) _exit(shmdt((void *)1) == 0);
        wait(0);
    }
    return 0;
}
";

#[test]
fn a_fork_is_counted_once() {
    let scratch = Scratch::new();
    let program = scratch.compile("forks", FORKS, &[]);
    let counts = traced(&scratch, &["-c"], &program, &[]).output;
    let line = counts.lines().find(|line| line.ends_with("  fork"));
    let count = line.and_then(|line| line.split_whitespace().next());
    assert_eq!(count, Some("3"), "{counts}");
}

#[test]
fn what_is_meant_otherwise_is_said() {
    let scratch = Scratch::new();
    let program = scratch.compile("child", CHILD, &[]);
    let file = scratch.path("out.txt");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    for (words, told) in [
        (&["-o", file][..], "--to FILE"),
        (&["-e", "signal=none"], "trace=NAME"),
        (&["-e", "trace=!mmap"], "name those that are wanted"),
        (&["-e", "trace=read"], "no call is named read"),
    ] {
        let ended = traced(&scratch, words, &program, &[]);
        assert_ne!(ended.code(), Some(0), "{words:?}");
        assert!(ended.output.contains(told), "{words:?}: {}", ended.output);
    }
}

/// A recording that takes a while.
fn long(scratch: &Scratch) -> PathBuf {
    let mut file = TraceFile::new(scene::SERVER, 1, Origin::Exec, 1_000, "/srv/bin/server");
    for _ in 0..300_000 {
        file.call(Call::Close, &[3], 0);
    }
    let path = scratch.path("long.ptrace");
    std::fs::write(&path, file.bytes(State::Exited, 0)).unwrap();
    path
}

#[test]
fn progress_is_shown_on_a_terminal_and_nowhere_else() {
    let scratch = Scratch::new();
    let path = long(&scratch);
    let path = path.to_str().unwrap();
    let Output { stderr, .. } = partage(&["report", "--summary", path]).output().unwrap();
    assert_eq!(String::from_utf8(stderr).unwrap(), "");
    assert!(reported(&["-p", "1", path]).is_empty());
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let line = format!(
        "{} report --summary --to /dev/null {path}",
        built().command().display()
    );
    let on_terminal = Command::new("script")
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env("TERM", "xterm")
        .output()
        .unwrap();
    assert!(on_terminal.status.success());
    let shown = String::from_utf8_lossy(&on_terminal.stdout).into_owned();
    assert!(
        shown.contains("reading ") && shown.contains('%'),
        "{shown:?}"
    );
    // It is wiped out at the end.
    let last = shown.rsplit("\u{1b}[2K").next().unwrap_or_default();
    assert!(!last.contains("reading"), "{shown:?}");
}
