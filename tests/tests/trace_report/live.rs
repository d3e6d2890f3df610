//! Following a program while it runs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{Scratch, partage};

#[test]
fn calls_are_shown_before_the_program_ends() {
    let scratch = Scratch::new();
    let source = "\
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
    let program = scratch.compile("waiting", source, &[]);
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
