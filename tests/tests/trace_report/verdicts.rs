//! Verdicts about real programs, and the exit statuses that go with them.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use partage_tests::process::run_bounded;

use crate::support::{Scratch, alone, partage, traced, traced_alone};

const BOUND: Duration = Duration::from_secs(60);

/// A name in /dev/shm of one test's own, removed with its owner.
struct Name(String);

impl Name {
    fn new(test: &str) -> Self {
        Name(format!("/partage-verdict-{}-{test}", std::process::id()))
    }

    fn file(&self) -> String {
        format!("/dev/shm{}", self.0)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.file());
        let _ = fs::remove_file(format!("/dev/shm/sem.{}", &self.0[1..]));
    }
}

/// Makes an object, runs a command, and looks for the object again.
const VICTIM: &str = r#"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
int main(int argc, char **argv)
{
    if (argc != 3 || shm_open(argv[1], O_CREAT | O_EXCL | O_RDWR, 0600) < 0) return 99;
    if (system(argv[2]) != 0) return 98;
    return shm_open(argv[1], O_RDWR, 0) >= 0;
}
"#;

#[test]
fn what_somebody_else_removed_is_no_leak() {
    let _alone = alone();
    let (scratch, name) = (Scratch::new(), Name::new("victim"));
    let program = scratch.compile("victim", VICTIM, &[]);
    let gate = scratch.path("gate");
    make_fifo(&gate);
    let (file, opened) = (name.file(), gate.clone());
    let remover = std::thread::spawn(move || {
        let deadline = Instant::now() + BOUND;
        while fs::remove_file(&file).is_err() {
            assert!(Instant::now() < deadline, "no object");
            std::thread::yield_now();
        }
        fs::write(opened, "x\n").unwrap();
    });
    let words = ["--fail-on-leaks", "--strict", "--calls"];
    let wait = format!("read word < {}", gate.display());
    let ended = traced_alone(&scratch, &words, &program, &[&name.0, &wait]);
    remover.join().unwrap();
    for words in [
        "removed by somebody outside",
        "somebody outside the recording has removed it",
    ] {
        assert!(ended.output.contains(words), "{words}: {}", ended.output);
    }
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
}

#[test]
fn programs_without_the_recorder_are_recorded_from_outside() {
    let _alone = alone();
    let (scratch, name) = (Scratch::new(), Name::new("led"));
    let program = scratch.compile("victim", VICTIM, &[]);
    let fixed = scratch.compile("fixed", WAYS, &["-static"]);
    let words = ["--fail-on-leaks", "--calls"];
    // It removes what the recorded program has made.
    let remove = format!("env -i rm {}", name.file());
    let ended = traced_alone(&scratch, &words, &program, &[&name.0, &remove]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(
        ended.output.contains("removed before by"),
        "{}",
        ended.output
    );
    for start in ["", "env -i "] {
        let left = format!("{}-left", name.0);
        let make = format!(
            "{start}{} relative {left}; rm {}",
            fixed.display(),
            name.file()
        );
        let ended = traced_alone(&scratch, &words, &program, &[&name.0, &make]);
        assert_eq!(ended.code(), Some(1), "{start}: {}", ended.output);
        let label = format!("{left} 0 B: never unlinked");
        assert!(ended.output.contains(&label), "{start}: {}", ended.output);
        fs::remove_file(format!("/dev/shm{left}")).unwrap();
        // How it ends is its caller's to know.
        let make = format!(
            "{start}{} no-such-way {left}; test $? = 1; rm {}",
            fixed.display(),
            name.file()
        );
        let ended = traced_alone(&scratch, &words, &program, &[&name.0, &make]);
        assert_eq!(ended.code(), Some(0), "{start}: {}", ended.output);
    }
}

/// Makes a semaphore and leaves it.
const SEMAPHORE: &str = r#"
#include <fcntl.h>
#include <semaphore.h>
int main(int argc, char **argv)
{
    return argc != 2 || sem_open(argv[1], O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED;
}
"#;

#[test]
fn a_named_semaphore_that_is_left_is_a_leak() {
    let _alone = alone();
    let (scratch, name) = (Scratch::new(), Name::new("semaphore"));
    let program = scratch.compile("semaphore", SEMAPHORE, &["-pthread"]);
    let ended = traced_alone(&scratch, &["--fail-on-leaks"], &program, &[&name.0]);
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    let label = format!("/sem.{} 32 B: never unlinked", &name.0[1..]);
    assert!(ended.output.contains(&label), "{}", ended.output);
}

/// Makes an object in one of many ways; with a third argument, removes it.
const WAYS: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char path[200], first[220], link_name[40], *name = argv[2];
    if (argc < 3 || chdir("/dev/shm") != 0) return 99;
    snprintf(path, sizeof path, "/dev/shm%s", name);
    snprintf(first, sizeof first, "%s-XXXXXX", path);
    int is_made = 0, fd = -1, directory = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    if (!strcmp(argv[1], "relative")) is_made = open(name + 1, O_CREAT | O_RDWR, 0600) >= 0;
    if (!strcmp(argv[1], "directory")) is_made = openat(directory, name + 1, O_CREAT | O_RDWR, 0600) >= 0;
    if (!strcmp(argv[1], "stream")) is_made = fopen(path, "w") != NULL;
    if (!strcmp(argv[1], "renamed")) is_made = mkstemp(first) >= 0 && rename(first, path) == 0;
    if (!strcmp(argv[1], "linked")) is_made = mkstemp(first) >= 0 && link(first, path) == 0 && unlink(first) == 0;
    if (!strcmp(argv[1], "nameless")) {
        fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
        snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
        is_made = linkat(AT_FDCWD, link_name, directory, name + 1, AT_SYMLINK_FOLLOW) == 0;
    }
    if (argc > 3 && unlink(name + 1) != 0) return 98;
    return !is_made;
}
"#;

#[test]
fn objects_are_known_whatever_way_they_came_to_their_names() {
    let _alone = alone();
    let (scratch, name) = (Scratch::new(), Name::new("ways"));
    let program = scratch.compile("ways", WAYS, &[]);
    let ways = [
        "relative",
        "directory",
        "stream",
        "renamed",
        "linked",
        "nameless",
    ];
    for (way, from_outside) in ways.iter().flat_map(|way| [(way, false), (way, true)]) {
        let mut words = vec!["--fail-on-leaks"];
        words.extend(from_outside.then_some("--ptrace"));
        let ended = traced_alone(&scratch, &words, &program, &[way, &name.0]);
        assert_eq!(ended.code(), Some(1), "{way}: {}", ended.output);
        let label = format!("{} 0 B: never unlinked", name.0);
        assert!(ended.output.contains(&label), "{way}: {}", ended.output);
        fs::remove_file(name.file()).unwrap();
        let ended = traced_alone(&scratch, &words, &program, &[way, &name.0, "remove"]);
        assert_eq!(ended.code(), Some(0), "{way}: {}", ended.output);
    }
}

/// Two memfds of one name go over a socket to a child that has nothing of its parent's.
const SENT: &str = r#"
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
union control { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; };
static int pass(int socket, int fd)
{
    char byte = 0;
    union control control;
    memset(&control, 0, sizeof control);
    struct iovec data = {&byte, 1};
    struct msghdr message = {0, 0, &data, 1, control.bytes, sizeof control.bytes, 0};
    if (fd < 0) {
        if (recvmsg(socket, &message, 0) != 1) return -1;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        return fd;
    }
    control.header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof fd);
    return (int)sendmsg(socket, &message, 0) - 1;
}
int main(void)
{
    int pair[2], status;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 99;
    if (fork() == 0) {
        for (int size = 4096; size <= 8192; size += 4096) {
            int fd = pass(pair[1], -1);
            if (ftruncate(fd, size) != 0 || mmap(0, size, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) _exit(98);
        }
        _exit(0);
    }
    for (int times = 0; times < 2; times++) {
        int fd = memfd_create("same", 0);
        if (pass(pair[0], fd) != 0) return 97;
        close(fd);
    }
    wait(&status);
    return status != 0;
}
"#;

#[test]
fn what_goes_over_a_socket_stays_one_object() {
    let scratch = Scratch::new();
    let program = scratch.compile("sent", SENT, &[]);
    for way in [None, Some("--ptrace")] {
        let mut words = vec!["--leaks", "--calls"];
        words.extend(way);
        let ended = traced(&scratch, &words, &program, &[]);
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        assert!(
            ended.output.contains("(2 objects made)"),
            "{}",
            ended.output
        );
        for size in [4, 8] {
            let label = format!("  # memfd:same {size} KiB");
            let mapped = |line: &&str| line.contains("mmap(") && line.ends_with(&label);
            assert_eq!(
                ended.output.lines().filter(mapped).count(),
                1,
                "{}",
                ended.output
            );
        }
    }
}

/// Its child removes the object when it gets a byte, or the end of its input.
const TIDY: &str = r#"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (argc != 3 || shm_open(argv[1], O_CREAT | O_EXCL | O_RDWR, 0600) < 0) return 99;
    if (fork() == 0) {
        char byte;
        int fd = open(argv[2], O_RDONLY); /* until somebody opens the other end */
        if (read(fd, &byte, 1) >= 0) shm_unlink(argv[1]);
        exit(0);
    }
    return 0;
}
"#;

#[test]
fn what_may_still_be_removed_is_no_leak_yet() {
    let _alone = alone();
    let (scratch, name) = (Scratch::new(), Name::new("tidy"));
    let program = scratch.compile("tidy", TIDY, &[]);
    let gate = |name| {
        let path = scratch.path(name);
        make_fifo(&path);
        path
    };
    let never_opened = gate("never");
    let words = ["--fail-on-leaks"];
    let args = [&name.0, never_opened.to_str().unwrap()];
    let ended = traced_alone(&scratch, &words, &program, &args);
    assert_eq!(ended.code(), Some(3), "{}", ended.output);
    assert!(
        ended.output.contains("still running") && ended.output.contains("--wait"),
        "{}",
        ended.output
    );
    fs::remove_file(name.file()).unwrap();
    // Waited for, the child has tidied up: opening the gate here meets its opening there.
    let mut command = partage(&["trace", "--fail-on-leaks", "--wait", "--"]);
    let gate = gate("gate");
    command.arg(&program).arg(&name.0).arg(&gate);
    let opener = std::thread::spawn(move || fs::write(gate, "x").unwrap());
    let ended = run_bounded(&mut command, &scratch.path("log"), BOUND).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    opener.join().unwrap();
}

fn make_fifo(path: &std::path::Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// Temporary recordings of this test's own directory.
fn recordings(directory: &std::path::Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().flatten();
    let named = entries.filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("partage-trace-")
    });
    named.count()
}

#[test]
fn a_reader_that_goes_away_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let mut command = partage(&["trace", "--summary", "--", "sh", "-c", "exit 7"]);
    command
        .env("TMPDIR", &scratch.0)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(recordings(&scratch.0), 0);
}

#[test]
fn gc_clears_the_recording_of_a_killed_trace() {
    let scratch = Scratch::new();
    let mut command = partage(&["trace", "--summary", "--", "sh", "-c", "read word"]);
    command
        .env("TMPDIR", &scratch.0)
        .stdin(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + BOUND;
    while recordings(&scratch.0) == 0 {
        assert!(Instant::now() < deadline, "no recording");
        std::thread::yield_now();
    }
    let gc = || {
        let output = partage(&["gc"]).env("TMPDIR", &scratch.0).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    gc();
    assert_eq!(recordings(&scratch.0), 1, "it is in use");
    child.kill().unwrap();
    child.wait().unwrap();
    let told = gc();
    let own = told
        .lines()
        .find(|line| line.contains(scratch.0.to_str().unwrap()));
    assert!(
        own.is_some_and(|line| line.contains("the recording of a dead run")),
        "{told}"
    );
    assert_eq!(recordings(&scratch.0), 0);
}
