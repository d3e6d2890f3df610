//! Programs of rare kinds: a verdict about them is true, too.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use partage_tests::artefacts::run_tool;

use crate::support::{Scratch, alone, partage, traced, traced_alone};

const BOUND: Duration = Duration::from_secs(60);

/// Takes away the segments whose ids a program has printed.
fn remove_printed(output: &str) {
    for id in output.lines().filter_map(|line| line.parse::<i32>().ok()) {
        let _ = Command::new("ipcrm").args(["-m", &id.to_string()]).output();
    }
}

/// It starts before the recorder does, and takes its time.
const SLOW: &str = "
#include <unistd.h>
__attribute__((constructor)) static void start(void) { usleep(300000); }
int slow(void) { return 0; }
";

const STARTED: &str = "
#include <stdio.h>
#include <sys/shm.h>
extern int slow(void);
int main(void)
{
    printf(\"%d\\n\", shmget(IPC_PRIVATE, 4096, 0600));
    return slow();
}
";

#[test]
fn a_program_that_is_about_to_start_is_one_of_the_run() {
    let scratch = Scratch::new();
    let library = scratch.compile("libslow.so", SLOW, &["-shared", "-fPIC"]);
    let program = scratch.path("started");
    fs::write(scratch.path("started.c"), STARTED).unwrap();
    let mut compiler = Command::new("gcc");
    compiler.arg("-o").arg(&program);
    compiler.args([&scratch.path("started.c"), &library]);
    compiler.arg(format!("-Wl,-rpath,{}", scratch.0.display()));
    run_tool(&mut compiler).unwrap();
    for start in ["", "env -i "] {
        // The shell ends while its child has neither a file nor its parent's.
        let script = format!("{start}{} &", program.display());
        let words = ["--fail-on-leaks"];
        let ended = traced(&scratch, &words, Path::new("/bin/sh"), &["-c", &script]);
        remove_printed(&ended.output);
        assert_eq!(ended.code(), Some(1), "{start}: {}", ended.output);
        let line = "  1 segment never removed\n";
        assert!(ended.output.contains(line), "{start}: {}", ended.output);
    }
}

/// The main thread ends; another one waits for a line, makes a segment, and goes on if that is wanted.
const THREADS: &str = r#"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <unistd.h>
static void make(void)
{
    printf("%d\n", shmget(IPC_PRIVATE, 4096, 0600));
    fflush(stdout);
}
static void *other(void *wanted)
{
    char byte;
    for (int fd; (fd = open("/proc/self/maps", O_RDONLY)) >= 0 && read(fd, &byte, 1) == 1;) close(fd);
    puts("ready");
    fflush(stdout);
    getchar();
    make();
    if (wanted) pause();
    exit(0);
}
int main(int argc, char **argv)
{
    (void)argv;
    alarm(30);
    pthread_t thread;
    if (pthread_create(&thread, 0, other, argc > 1 ? &thread : 0) != 0) return 99;
    pthread_exit(0);
}
"#;

#[test]
fn a_process_lives_on_without_its_main_thread() {
    let scratch = Scratch::new();
    let program = scratch.compile("threads", THREADS, &["-g", "-pthread"]);
    let words = ["--fail-on-leaks"];
    let ended = traced(&scratch, &words, &program, &[]);
    remove_printed(&ended.output);
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    assert!(ended.output.contains("      make at "), "{}", ended.output);
    let script = format!("{} wait < /dev/null &", program.display());
    let ended = traced(&scratch, &words, Path::new("/bin/sh"), &["-c", &script]);
    remove_printed(&ended.output);
    assert_eq!(ended.code(), Some(3), "{}", ended.output);
    let wanted = "so far: still running: pid ";
    assert!(ended.output.contains(wanted), "{}", ended.output);
}

/// How often the thread of a process that sleeps, under a tracer if one is given, has gone to sleep or was stopped.
fn sleeps(pid: &str, tracer: Option<u32>) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    threads.flatten().find_map(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        let value = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)
        };
        let is_it = value("State:") == Some("S")
            && tracer.is_none_or(|pid| value("TracerPid:") == Some(pid.to_string().as_str()));
        is_it.then(|| value("voluntary_ctxt_switches:")?.parse().ok())?
    })
}

#[test]
fn a_process_without_its_main_thread_can_be_followed() {
    let scratch = Scratch::new();
    let program = scratch.compile("threads", THREADS, &["-g", "-pthread"]);
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let pid = child.id().to_string();
    let before = sleeps(&pid, None).unwrap_or(0);
    let mut tracer = partage(&["trace", "--fail-on-leaks", "--calls", "--attach", &pid])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It is stopped at its read, and reads on under the tracer: from its first sleep after the stop on.
    let deadline = std::time::Instant::now() + BOUND;
    while sleeps(&pid, Some(tracer.id())).is_none_or(|now| now < before + 2) {
        assert!(std::time::Instant::now() < deadline, "not followed");
        std::thread::yield_now();
    }
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut report = String::new();
    let mut said = tracer.stderr.take().unwrap();
    said.read_to_string(&mut report).unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    remove_printed(&rest);
    assert!(child.wait().unwrap().success());
    assert_eq!(tracer.wait().unwrap().code(), Some(1), "{report}");
    assert!(report.contains("shmget(IPC_PRIVATE"), "{report}");
    assert!(report.contains("make at "), "{report}");
}

/// Makes two objects whose names are no text, and unlinks the second.
const BYTES: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
int main(int argc, char **argv)
{
    char name[2][256];
    for (int i = 0; i < 2; i++) {
        snprintf(name[i], sizeof name[i], "%s\xe2\x80\xae%c", argv[argc - 1], 0xff - i);
        if (shm_open(name[i], O_CREAT | O_EXCL | O_RDWR, 0600) < 0) return 99;
    }
    return shm_unlink(name[1]) != 0;
}
"#;

#[test]
fn names_that_are_no_text_are_told_apart() {
    let _alone = alone();
    let scratch = Scratch::new();
    let program = scratch.compile("bytes", BYTES, &[]);
    let name = format!("/partage-odd-{}", std::process::id());
    let words = ["--fail-on-leaks", "--calls"];
    let ended = traced_alone(&scratch, &words, &program, &[&name]);
    let file = [b"/dev/shm", name.as_bytes(), b"\xe2\x80\xae\xff"].concat();
    fs::remove_file(OsStr::from_bytes(&file)).unwrap();
    assert_eq!(ended.code(), Some(1), "{}", ended.output);
    // As `partage ls` shows it, and `partage rm` takes it.
    for line in [
        format!("  {name}\\xe2\\x80\\xae\\xff 0 B: never unlinked\n"),
        format!("shm_unlink(\"{name}\\xe2\\x80\\xae\\xfe\") = 0"),
        "  1 object never unlinked\n".to_owned(),
    ] {
        assert!(ended.output.contains(&line), "{line}: {}", ended.output);
    }
}

const LEAK: &str = "
#include <stdio.h>
#include <sys/shm.h>
int main(void) { return printf(\"%d\\n\", shmget(IPC_PRIVATE, 4096, 0600)) < 0; }
";

/// The kernel's list of mappings writes a newline as four characters, and these as themselves.
#[test]
fn a_programs_file_may_have_any_name() {
    for name in [&b"line\nand\xff"[..], b"not\\012a line"] {
        let scratch = Scratch::new();
        let built = scratch.compile("leak", LEAK, &["-g"]);
        let directory = scratch.0.join(OsStr::from_bytes(name));
        fs::create_dir(&directory).unwrap();
        let program = directory.join(OsStr::from_bytes(name));
        fs::rename(built, &program).unwrap();
        let ended = traced(&scratch, &["--leaks"], &program, &[]);
        remove_printed(&ended.output);
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        let place = format!("      main at {}:4\n", scratch.path("leak.c").display());
        assert!(ended.output.contains(&place), "{}", ended.output);
    }
}

#[test]
fn a_verdict_does_not_need_what_the_system_held() {
    let scratch = Scratch::new();
    let program = scratch.compile("leak", LEAK, &[]);
    let directory = scratch.path("rec");
    let kept = directory.join("afterwards.json");
    // Nothing can be written there, as on a full disk.
    fs::create_dir_all(&kept).unwrap();
    let words = ["--fail-on-leaks", "-o", directory.to_str().unwrap()];
    let ended = traced(&scratch, &words, &program, &[]);
    remove_printed(&ended.output);
    assert_eq!(ended.code(), Some(125), "{}", ended.output);
    for words in ["1 segment never removed", "cannot write into "] {
        assert!(ended.output.contains(words), "{words}: {}", ended.output);
    }
    fs::remove_dir(&kept).unwrap();
    for damaged in ["", "[]", "{}", "{\"segments\":[]", "{\"segments\":7}"] {
        fs::write(&kept, damaged).unwrap();
        let output = partage(&["report", "--fail-on-leaks"])
            .arg(&directory)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{damaged}: {said}");
        for words in ["1 segment never removed", "afterwards.json: "] {
            assert!(said.contains(words), "{damaged}: {said}");
        }
    }
}

/// Makes and unlinks objects all the time, until its input ends.
const BUSY: &str = r#"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct pollfd input = { .fd = 0, .events = POLLIN };
    char name[256];
    alarm(60);
    puts("ready");
    fflush(stdout);
    for (unsigned i = 0; poll(&input, 1, 0) == 0; i++) {
        snprintf(name, sizeof name, "%s-%u", argv[argc - 1], i);
        int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
        if (fd < 0 || shm_unlink(name) != 0 || close(fd) != 0) return 99;
    }
    return 0;
}
"#;

#[test]
fn what_others_make_and_unlink_meanwhile_leaves_no_doubt() {
    const RUNS: usize = 20;
    let _alone = alone();
    let scratch = Scratch::new();
    let busy = scratch.compile("busy", BUSY, &["-O2"]);
    let mut others = Vec::new();
    for number in 0..2 {
        let mut child = Command::new(&busy)
            .arg(format!("/partage-odd-{}-{number}", std::process::id()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        others.push(child);
    }
    let runs = (0..RUNS)
        .map(|_| traced_alone(&scratch, &["--fail-on-leaks"], Path::new("/bin/true"), &[]));
    let doubtful = runs
        .filter(|ended| ended.code() != Some(0))
        .collect::<Vec<_>>();
    for mut child in others {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    assert!(doubtful.is_empty(), "{}: {:?}", doubtful.len(), doubtful);
}

/// Who made an object is not known, who has it open is.
#[test]
fn what_others_hold_leaves_no_doubt_and_what_nobody_holds_does() {
    let _alone = alone();
    let scratch = Scratch::new();
    let object = format!("/dev/shm/partage-odd-{}-held", std::process::id());
    let (started, gate) = (scratch.path("started"), scratch.path("gate"));
    run_tool(Command::new("mkfifo").arg(&gate)).unwrap();
    let script = format!(
        "echo > {}; read word < {}",
        started.display(),
        gate.display()
    );
    let run = || {
        let words = ["--fail-on-leaks"];
        traced_alone(&scratch, &words, Path::new("/bin/sh"), &["-c", &script])
    };
    for (is_held, status) in [(true, 0), (false, 3)] {
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(run);
            while !started.exists() {
                assert!(!run.is_finished(), "{}", run.join().unwrap().output);
                std::thread::yield_now();
            }
            let file = fs::File::create(&object).unwrap();
            let held = is_held.then_some(file);
            // Open for both, it waits for nobody.
            let mut gate = fs::File::options()
                .read(true)
                .write(true)
                .open(&gate)
                .unwrap();
            gate.write_all(b"go\n").unwrap();
            let ended = run.join().unwrap();
            drop(held);
            ended
        });
        fs::remove_file(&object).unwrap();
        fs::remove_file(&started).unwrap();
        assert_eq!(ended.code(), Some(status), "{is_held}: {}", ended.output);
        let appeared = ended.output.contains("-held 0 B: appeared meanwhile");
        assert_eq!(appeared, !is_held, "{}", ended.output);
    }
}

/// A program that reads the kernel's table of segments finds there what it would without the recorder.
#[test]
fn ipcs_lists_the_kernels_segments() {
    let scratch = Scratch::new();
    let script = "id=$(ipcmk -M 100 | sed 's/.*: //')
        ipcs -m | awk -v id=\"$id\" '$2 == id { print \"listed\" }'
        ipcrm -m \"$id\"";
    let ended = traced(&scratch, &[], Path::new("/bin/sh"), &["-c", script]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    assert!(ended.output.contains("listed\n"), "{}", ended.output);
}
