//! Following a program while it runs.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Scratch, partage};

/// Makes a segment, waits for the end of its input, and removes it.
const WAITING: &str = "\
#include <stdio.h>
#include <sys/shm.h>
#include <unistd.h>
int main(void)
{
    alarm(30);
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    int answer = getchar();
    shmctl(id, IPC_RMID, 0);
    return answer == EOF ? 0 : 1;
}
";

#[test]
fn calls_are_shown_before_the_program_ends() {
    let scratch = Scratch::new();
    let program = scratch.compile("waiting", WAITING, &[]);
    let mut command = partage(&["trace", "--"]);
    command
        .arg(&program)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The program ends only when its input does: without a line now, its alarm fails the test.
    let first = lines.next().unwrap().unwrap();
    assert!(
        first.contains("shmget(IPC_PRIVATE, 4096, 0600) = "),
        "{first}"
    );
    drop(child.stdin.take());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:?}");
    assert!(rest[0].contains("IPC_RMID"), "{rest:?}");
}

/// A program that waits while it is recorded into `path`.
fn recorded(scratch: &Scratch, path: &Path) -> Child {
    let program = scratch.compile("waiting", WAITING, &[]);
    let mut command = partage(&["trace", "--summary", "--to", "/dev/null", "-o"]);
    command.arg(path).arg("--").arg(program);
    command.stdin(Stdio::piped()).spawn().unwrap()
}

/// A report that follows, and its lines.
fn following(path: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut report = partage(&["report", "--follow"])
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(report.stdout.take().unwrap()).lines();
    (report, lines)
}

#[test]
fn a_recording_that_grows_is_followed_to_its_end() {
    let scratch = Scratch::new();
    let path = scratch.path("rec");
    // It may begin before anybody records.
    std::fs::create_dir(&path).unwrap();
    let (mut report, mut lines) = following(&path);
    let mut run = recorded(&scratch, &path);
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("<waiting>] shmget(IPC_PRIVATE"), "{first}");
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(report.wait().unwrap().success(), "{rest:?}");
    assert!(rest[0].contains("IPC_RMID"), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("exited with 0")),
        "{rest:?}"
    );
}

#[test]
fn calls_of_a_recording_that_grows_are_chosen_by_time() {
    let scratch = Scratch::new();
    let path = scratch.path("rec");
    std::fs::create_dir(&path).unwrap();
    let mut run = recorded(&scratch, &path);
    drop(run.stdin.take());
    for (span, shown) in [(["--since", "60m"], false), (["--until", "60m"], true)] {
        let output = partage(&["report", "--follow", "--quiet"])
            .args(span)
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        assert_eq!(said.contains("shmget"), shown, "{said}");
    }
    assert!(run.wait().unwrap().success());
}

#[test]
fn following_ends_by_a_signal() {
    let scratch = Scratch::new();
    let path = scratch.path("rec");
    std::fs::create_dir(&path).unwrap();
    let (mut report, mut lines) = following(&path);
    let mut run = recorded(&scratch, &path);
    assert!(lines.next().unwrap().unwrap().contains("shmget"));
    let pid = report.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    assert_eq!(report.wait().unwrap().code(), Some(0));
    assert_eq!(lines.count(), 0);
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success());
}
