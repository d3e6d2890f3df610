//! C programs through the command: live text, leaks at their lines, exit statuses, refusals.

use std::fs;
use std::process::{Command, Output};

use partage_tests::artefacts::run_tool;

use crate::support::{Scratch, alone, built, partage, reported, traced, traced_alone};

/// Leaks one segment, and the object, descriptor and mapping of another call; argument 1 makes it tidy.
const LEAKY: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

static int make_segment(key_t key)
{
    return shmget(key, 65536, IPC_CREAT | IPC_EXCL | 0600); /* the segment */
}

int main(int argc, char **argv)
{
    if (argc < 3) return 99;
    int tidy = argv[1][0] == 't', id = make_segment((key_t)strtol(argv[2], 0, 0));
    if (id < 0) return 98;
    char *p = shmat(id, 0, 0); /* the attachment */
    if (p == (void *)-1) return 97;
    int fd = shm_open(argv[3], O_CREAT | O_EXCL | O_RDWR, 0600); /* the object */
    if (fd < 0 || ftruncate(fd, 8192) != 0) return 96;
    void *map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); /* the mapping */
    if (map == MAP_FAILED) return 95;
    shmat(-1, 0, 0);
    if (tidy) {
        shm_unlink(argv[3]); /* while it is held: others who look see whose it is */
        munmap(map, 8192);
        close(fd);
        shmdt(p);
        shmctl(id, IPC_RMID, 0);
    }
    puts("done");
    return argc > 4 ? atoi(argv[4]) : 0;
}
"#;

/// The line of the source that holds this comment.
fn line_of(comment: &str) -> usize {
    let line = LEAKY.lines().position(|line| line.contains(comment));
    line.unwrap() + 1
}

/// A key and a name of one test's own, removed with their owner.
struct Names {
    key: String,
    name: String,
}

impl Names {
    fn new(number: u32) -> Self {
        Names {
            key: format!("{:#x}", 0x2000_0000 + (std::process::id() << 6) + number),
            name: format!("/partage-report-{}-{number}", std::process::id()),
        }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = Command::new("ipcrm").args(["-M", &self.key]).output();
        let _ = fs::remove_file(format!("/dev/shm{}", self.name));
    }
}

#[test]
fn a_planted_leak_is_found_at_its_line() {
    let _alone = alone();
    let (scratch, names) = (Scratch::new(), Names::new(1));
    let program = scratch.compile("leaky", LEAKY, &["-g"]);
    let recording = scratch.path("rec");
    let words = ["-o", recording.to_str().unwrap(), "--leaks"];
    let ended = traced_alone(&scratch, &words, &program, &["l", &names.key, &names.name]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let again = reported(&["--leaks", recording.to_str().unwrap()]);
    for text in [&ended.output, &again] {
        assert!(
            text.contains("1 segment never removed, 1 object never unlinked"),
            "{text}"
        );
        for (function, comment) in [
            ("make_segment", "the segment"),
            ("main", "the object"),
            ("main", "the attachment"),
            ("main", "the mapping"),
        ] {
            let place = format!(
                "{function} at {}.c:{}\n",
                program.display(),
                line_of(comment)
            );
            assert!(text.contains(&place), "{place} is not in:\n{text}");
        }
        assert!(
            text.contains(&format!("{} 8 KiB: never unlinked", names.name)),
            "{text}"
        );
        assert!(
            text.contains(&format!("\"key {}\" 64 KiB: never removed", names.key)),
            "{text}"
        );
    }
}

#[test]
fn leaks_fail_a_test_run_when_asked_to() {
    let _alone = alone();
    let scratch = Scratch::new();
    let program = scratch.compile("leaky", LEAKY, &["-g"]);
    let run = |words: &[&str], kind: &str, number: u32, status: &str| {
        let names = Names::new(number);
        let args = [kind, &names.key, &names.name, status];
        let ended = traced_alone(&scratch, words, &program, &args);
        (ended.code(), ended.output)
    };
    assert_eq!(run(&["--fail-on-leaks"], "l", 2, "0").0, Some(1));
    // The program's own failure says more.
    assert_eq!(run(&["--fail-on-leaks"], "l", 3, "7").0, Some(7));
    assert_eq!(run(&["--leaks"], "l", 4, "0").0, Some(0));
    let (code, text) = run(&["--fail-on-leaks=all"], "t", 5, "0");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("no leak: everything made was removed (2 objects made)"),
        "{text}"
    );
    assert!(!text.contains("still held"), "{text}");
}

#[test]
fn calls_are_all_shown() {
    let (scratch, names) = (Scratch::new(), Names::new(6));
    let program = scratch.compile("leaky", LEAKY, &[]);
    let mut command = partage(&["trace", "-T", "--"]);
    command
        .arg(&program)
        .args(["t", &names.key, &names.name, "5"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(output.stdout, b"done\n", "the program's output is its own");
    let text = String::from_utf8(output.stderr).unwrap();
    let calls: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            line.split_once("] ")?
                .1
                .split_once('(')
                .map(|(call, _)| call)
        })
        .collect();
    let wanted = [
        "shmget",
        "shmat",
        "shm_open",
        "ftruncate",
        "mmap",
        "shmat",
        "shm_unlink",
        "munmap",
        "close",
        "shmdt",
        "shmctl",
        "exit",
    ];
    assert_eq!(calls, wanted, "{text}");
    assert!(text.contains(" = -1 EINVAL (Invalid argument) <"), "{text}");
    let object = format!("\"key {}\" 64 KiB", names.key);
    assert_eq!(text.matches(&object).count(), 4, "{text}");
    assert!(
        text.lines()
            .last()
            .unwrap()
            .ends_with("+++ exited with 5 +++"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn partage_shows_as_the_kernel_does() {
    let scratch = Scratch::new();
    let program = scratch.compile("leaky", LEAKY, &[]);
    let of = |words: &[&str], number| {
        let names = Names::new(number);
        let ended = traced(&scratch, words, &program, &["t", &names.key, &names.name]);
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        let lines = ended.output.lines().filter(|line| line.starts_with("[pid"));
        let calls = lines.filter_map(|line| line.split_once("] ")?.1.split_once('('));
        calls.map(|(call, _)| call.to_owned()).collect::<Vec<_>>()
    };
    let namespace = scratch.path("ns");
    let on_kernel = of(&[], 7);
    assert_eq!(on_kernel.len(), 12);
    assert_eq!(of(&["--dir", namespace.to_str().unwrap()], 8), on_kernel);
}

#[test]
fn a_program_under_asan_is_recorded() {
    let (scratch, names) = (Scratch::new(), Names::new(9));
    let program = scratch.compile("leaky", LEAKY, &["-g", "-fsanitize=address"]);
    let ended = traced(
        &scratch,
        &["--leaks"],
        &program,
        &["t", &names.key, &names.name],
    );
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("no leak"), "{}", ended.output);
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let scratch = Scratch::new();
    let fixed = scratch.compile("fixed", "int main(void){return 0;}", &["-static"]);
    let namespace = scratch.path("ns");
    let ended = traced(
        &scratch,
        &["--dir", namespace.to_str().unwrap()],
        &fixed,
        &[],
    );
    assert_eq!(ended.code(), Some(125));
    assert!(
        ended.output.contains("no preload reaches"),
        "{}",
        ended.output
    );
    // With --force, the empty trace is explained.
    let ended = traced(&scratch, &["--force"], &fixed, &[]);
    assert_eq!(ended.code(), Some(0));
    assert!(
        ended.output.contains("no process made a recording"),
        "{}",
        ended.output
    );
    // So is a program that a recorded one starts, if it is not led to the tracer.
    let script = format!("exec {}", fixed.display());
    let ended = traced(
        &scratch,
        &[],
        "/usr/bin/env".as_ref(),
        &["-u", "PARTAGE_TRACE_OUTSIDE", "sh", "-c", &script],
    );
    assert_eq!(ended.code(), Some(0));
    assert!(
        ended
            .output
            .contains("which left no recording: statically linked"),
        "{}",
        ended.output
    );
    let ended = traced(&scratch, &[], "/no/such/program".as_ref(), &[]);
    assert_eq!(ended.code(), Some(127));
    let ended = traced(&scratch, &["--nonsense"], "/bin/true".as_ref(), &[]);
    assert_eq!(ended.code(), Some(125));
    let ended = traced(&scratch, &["--call", "nonsense"], "/bin/true".as_ref(), &[]);
    assert!(
        ended.output.contains("no call is named nonsense"),
        "{}",
        ended.output
    );
}

#[test]
fn a_program_without_shared_memory_is_not_silent() {
    let scratch = Scratch::new();
    let mut command = partage(&["trace", "--", "/bin/true"]);
    let Output { status, stderr, .. } = command.env("TMPDIR", &scratch.0).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(0), "{said}");
    let note = "no call about shared memory was seen";
    assert!(said.contains(note), "{said}");
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[test]
fn signals_pass_through() {
    let scratch = Scratch::new();
    let program = scratch.compile(
        "killed",
        "#include <signal.h>\nint main(void){raise(SIGTERM);return 0;}",
        &[],
    );
    let ended = traced(&scratch, &[], &program, &[]);
    assert_eq!(ended.describe(), "killed by signal 15");
}

#[test]
fn recordings_are_kept_and_never_mixed() {
    let (scratch, names) = (Scratch::new(), Names::new(10));
    let program = scratch.compile("leaky", LEAKY, &[]);
    let recording = scratch.path("rec");
    let kept = recording.to_str().unwrap();
    let args = ["t", names.key.as_str(), names.name.as_str()];
    assert_eq!(
        traced(&scratch, &["-o", kept], &program, &args).code(),
        Some(0)
    );
    let ended = traced(&scratch, &["-o", kept], &program, &args);
    assert_eq!(ended.code(), Some(125));
    assert!(
        ended.output.contains("holds a recording"),
        "{}",
        ended.output
    );
    // One file of it, and the pictures.
    let files = fs::read_dir(&recording).unwrap().flatten();
    let is_trace = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "ptrace");
    let file = files.map(|entry| entry.path()).find(is_trace).unwrap();
    assert_eq!(reported(&[file.to_str().unwrap()]).lines().count(), 13);
    let picture = scratch.path("timeline.svg");
    reported(&["--timeline", picture.to_str().unwrap(), kept]);
    if let Ok(output) = Command::new("rsvg-convert").arg(&picture).output() {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.starts_with(b"\x89PNG"));
    }
}

#[test]
fn colours_on_a_terminal_only() {
    let scratch = Scratch::new();
    let bin = built().command();
    let run = |setting: &str| {
        // script(1) gives its program a terminal.
        let line = format!("{setting} {} trace -- sh -c 'exit 0'", bin.display());
        let typescript = scratch.path("typescript");
        let mut script = Command::new("script");
        script
            .args(["-qec", &line])
            .arg(&typescript)
            .env_remove("NO_COLOR")
            .env("TERM", "xterm");
        run_tool(&mut script).unwrap();
        fs::read_to_string(&typescript).unwrap()
    };
    assert!(run("").contains("\x1b[31mnote:"));
    assert!(!run("NO_COLOR=1").contains("\x1b[31m"));
}

#[test]
fn a_ring_keeps_the_newest() {
    let scratch = Scratch::new();
    let source = "#include <sys/shm.h>\nint main(void){for(int i=0;i<5000;i++)shmdt((void*)(long)(1+2*i));return 0;}";
    let program = scratch.compile("many", source, &["-g"]);
    let recording = scratch.path("rec");
    let recording = recording.to_str().unwrap();
    let words = ["--ring", "64K", "--summary", "-o", recording];
    let ended = traced(&scratch, &words, &program, &[]);
    assert_eq!(ended.code(), Some(0));
    // Where its code lies was recorded long before the oldest call that is left.
    let shown = reported(&["-k", recording]);
    let named = shown
        .matches(&format!("main at {}.c:2", program.display()))
        .count();
    assert!(named > 100, "{shown}");
    assert_eq!(named, shown.matches("] shmdt(").count(), "{shown}");
    assert!(
        ended.output.contains("older slots overwritten in the ring"),
        "{}",
        ended.output
    );
    let ended = traced(&scratch, &["--ring", "many"], &program, &[]);
    assert_eq!(ended.code(), Some(125));
}
