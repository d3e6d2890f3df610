//! Who called: without frame pointers, through inlined functions, with names of C++, in scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use partage_tests::artefacts::run_tool;
use partage_tests::process::Ended;

use crate::support::{Scratch, traced};

/// Builds as distributions do: optimised, without frame pointers.
fn build(scratch: &Scratch, compiler: &str, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let extension = if compiler == "g++" { "cc" } else { "c" };
    let (file, output) = (
        scratch.path(&format!("{name}.{extension}")),
        scratch.path(name),
    );
    fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command
        .args(["-O2", "-fomit-frame-pointer", "-Wall", "-Werror"])
        .args(flags)
        .arg("-o")
        .arg(&output)
        .arg(&file);
    run_tool(&mut command).unwrap();
    output
}

/// The leaks of a program, which removes at its end what it is told to leave: with `-k` all places.
fn leaks(scratch: &Scratch, words: &[&str], program: &Path, args: &[&str]) -> String {
    // All are named, so that none stays.
    let words = [&["--leaks", "--examples", "1000"], words].concat();
    let ended = traced(scratch, &words, program, args);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let Ended { output, .. } = ended;
    for shmid in left(&output) {
        let _ = Command::new("ipcrm").args(["-m", &shmid]).output();
    }
    output
}

/// The segments that a report names.
fn left(report: &str) -> Vec<String> {
    let words = report.split("shmid ").skip(1);
    words
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The places below a finding, without the directory of the sources.
fn places(report: &str, scratch: &Scratch) -> Vec<String> {
    let dir = format!("{}/", scratch.0.display());
    let lines = report
        .lines()
        .filter_map(|line| line.strip_prefix("      "));
    lines.map(|line| line.replace(&dir, "")).collect()
}

const POOL: &str = "#include <sys/shm.h>
namespace pool {
template <class T> struct Arena { int id; explicit Arena(unsigned long n); };
template <class T> Arena<T>::Arena(unsigned long n) { id = shmget(IPC_PRIVATE, n, IPC_CREAT | 0600); }
}
__attribute__((noinline)) static int load(int n) { int sum = 0; while (n-- > 0) { pool::Arena<int> a(4096); sum |= a.id; } return sum; }
int main(int argc, char **) { return load(argc + 4) < 0; }
";

#[test]
fn an_optimised_program_of_cxx_names_its_lines() {
    let scratch = Scratch::new();
    let program = build(&scratch, "g++", "pool", POOL, &["-g"]);
    let report = leaks(&scratch, &[], &program, &[]);
    let wanted = [
        "pool::Arena<int>::Arena(unsigned long) at pool.cc:4 (inlined)",
        "load at pool.cc:6",
        "main at pool.cc:7",
    ];
    assert_eq!(places(&report, &scratch), wanted, "{report}");
    // Five of one place are one finding, though a counter changed in a register and on the stack.
    assert!(
        report.contains("5 segments, 20 KiB: never removed"),
        "{report}"
    );
}

const LOW: &str = "#include <sys/shm.h>
__attribute__((noinline)) static int quiet(unsigned long n) { volatile int id = shmget(IPC_PRIVATE, n, IPC_CREAT | 0600); return id; }
int (*low_entry(void))(unsigned long);
int (*low_entry(void))(unsigned long) { return quiet; }
int low_neighbour(int n);
int low_neighbour(int n) { while (n % 7) n += 3; return n; }
";
const HIGH: &str = "int (*low_entry(void))(unsigned long);
__attribute__((noinline)) int load_users(void) { return low_entry()(4096) + 1; }
__attribute__((noinline)) int load_orders(void) { return low_entry()(8192) + 1; }
int main(void) { int users = load_users(); return users < 0 || load_orders() < 0; }
";

#[test]
fn callers_are_found_through_a_stripped_library() {
    let scratch = Scratch::new();
    build(
        &scratch,
        "gcc",
        "liblow.so",
        LOW,
        &["-shared", "-fPIC", "-s", "-fno-toplevel-reorder"],
    );
    let dir = format!("-L{}", scratch.0.display());
    let run = format!("-Wl,-rpath,{}", scratch.0.display());
    // What is linked comes behind what needs it.
    let link = ["-g", "-Wl,--no-as-needed", &dir, &run, "-l:liblow.so"];
    let program = build(&scratch, "gcc", "high", HIGH, &link);
    let report = leaks(&scratch, &[], &program, &[]);
    let found = places(&report, &scratch);
    // The library is nameless: its neighbour's symbol ends before the address.
    let low = |place: &String| place.starts_with("liblow.so+0x");
    assert!(
        !report.contains("low_neighbour") && !report.contains("low_entry"),
        "{report}"
    );
    let rest: Vec<&String> = found.iter().filter(|place| !low(place)).collect();
    let wanted = [
        "load_orders at high.c:3",
        "main at high.c:4",
        "load_users at high.c:2",
        "main at high.c:4",
    ];
    assert_eq!(rest, wanted, "{report}");
    assert_eq!(
        found.iter().filter(|place| low(place)).count(),
        2,
        "{report}"
    );
}

#[test]
fn a_rebuilt_program_is_not_named_from_another_file() {
    let scratch = Scratch::new();
    let program = build(&scratch, "g++", "pool", POOL, &["-g"]);
    let recording = scratch.path("rec");
    let keep = ["-o", recording.to_str().unwrap()];
    leaks(&scratch, &keep, &program, &[]);
    build(
        &scratch,
        "g++",
        "pool",
        &POOL.replace("load", "unload"),
        &["-g", "-O1"],
    );
    let report = crate::support::reported(&["--leaks", recording.to_str().unwrap()]);
    assert!(report.contains("(the file changed since)"), "{report}");
    assert!(!report.contains("load"), "{report}");
}

const SCRIPT: &str = "import ctypes
libc = ctypes.CDLL(None)

def make(size):
    return libc.shmget(0, size, 0o1600)

class Pool:
    def fill(self):
        return [make(4096) for _ in range(3)]

Pool().fill()
";

#[test]
fn a_python_program_reads_its_own_lines() {
    let scratch = Scratch::new();
    let pythons = pythons();
    let Some(python) = pythons.first() else {
        eprintln!("skipped: no python3 that can be asked");
        return;
    };
    let file = scratch.path("leak.py");
    fs::write(&file, SCRIPT).unwrap();
    let script = file.to_str().unwrap();
    for python in &pythons {
        let report = leaks(&scratch, &[], python, &[script]);
        let mut found = places(&report, &scratch);
        found.retain(|place| place != "<listcomp> at leak.py:9");
        let wanted = [
            "make at leak.py:5",
            "fill at leak.py:9",
            "<module> at leak.py:11",
        ];
        assert_eq!(found, wanted, "{}: {report}", python.display());
    }
    let all = leaks(&scratch, &["-k"], python, &[script]);
    assert!(all.contains("PyEval") || all.contains("python"), "{all}");
    let off = leaks(&scratch, &["--no-scripts"], python, &[script]);
    assert!(!off.contains("leak.py:"), "{off}");
}

/// A name that is not ASCII, a thread, a generator, a call without the interpreter's lock.
const SCRIPT_OF_ALL: &str = "import ctypes, threading
libc = ctypes.CDLL(None)

def façade(size):
    return libc.shmget(0, size, 0o1600)

both = (façade(4096) for _ in range(2))
thread = threading.Thread(target=lambda: list(both))
thread.start()
thread.join()
";

#[test]
fn python_is_asked_in_every_thread() {
    let scratch = Scratch::new();
    let file = scratch.path("leak.py");
    fs::write(&file, SCRIPT_OF_ALL).unwrap();
    for python in pythons() {
        let report = leaks(&scratch, &[], &python, &[file.to_str().unwrap()]);
        let wanted = [
            "façade at leak.py:5",
            "<genexpr> at leak.py:7",
            "<lambda> at leak.py:8",
        ];
        assert_eq!(places(&report, &scratch), wanted, "{report}");
    }
}

/// The kinds of Python, from 3.9 to 3.13, that show what is asked.
fn pythons() -> Vec<PathBuf> {
    let ask = "import ctypes, sys
ctypes.CDLL(None).PyGILState_GetThisThreadState
print(sys.executable if (3, 9) <= sys.version_info[:2] <= (3, 13) else '')";
    let mut names = vec![PathBuf::from("python3")];
    names.extend((9..=13).map(|minor| PathBuf::from(format!("python3.{minor}"))));
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let installed = fs::read_dir(home.join(".pyenv/versions"));
    let installed = installed.into_iter().flatten().flatten();
    names.extend(installed.map(|version| version.path().join("bin/python3")));
    let told = |name: &PathBuf| {
        let told = Command::new(name).args(["-c", ask]).output().ok()?;
        let path = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
        let path = path.canonicalize().ok()?;
        told.status.success().then_some(path)
    };
    let mut pythons: Vec<PathBuf> = Vec::new();
    for python in names.iter().filter_map(told) {
        if !pythons.contains(&python) {
            pythons.push(python);
        }
    }
    pythons
}

#[test]
fn a_perl_program_reads_its_own_line() {
    let scratch = Scratch::new();
    let perl = PathBuf::from("/usr/bin/perl");
    if !perl.exists() {
        eprintln!("skipped: no perl");
        return;
    }
    let file = scratch.path("leak.pl");
    fs::write(
        &file,
        "sub table {\n  return shmget(0, 4096, 01600)\n}\ntable();\n",
    )
    .unwrap();
    let report = leaks(&scratch, &[], &perl, &[file.to_str().unwrap()]);
    assert_eq!(places(&report, &scratch), ["leak.pl:2"], "{report}");
}

/// Threads, a handler on a stack of its own, a coroutine, a call by number, a library that was loaded later.
const PLACES: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
__attribute__((noinline)) static int make(unsigned long n) { volatile int id = shmget(IPC_PRIVATE, n, IPC_CREAT | 0600); return id; }
__attribute__((noinline)) static void *in_thread(void *p) { volatile int id = make(4096); (void)id; return p; }
__attribute__((noinline)) static void in_handler(int s) { volatile int id = make(4096 + 0 * s); (void)id; }
__attribute__((noinline)) static void in_coroutine(void) { volatile int id = make(4096); (void)id; }
__attribute__((noinline)) static int by_number(void) { volatile int id = syscall(SYS_shmget, 0, 4096, 01600); return id; }
int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2 || pthread_create(&thread, 0, in_thread, 0) != 0 || pthread_join(thread, 0) != 0) return 9;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction action = {.sa_handler = in_handler, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&stack, 0) != 0 || sigaction(SIGUSR1, &action, 0) != 0 || raise(SIGUSR1) != 0) return 8;
    static ucontext_t here, there;
    getcontext(&there);
    there.uc_stack.ss_sp = malloc(65536);
    there.uc_stack.ss_size = 65536;
    there.uc_link = &here;
    makecontext(&there, in_coroutine, 0);
    swapcontext(&here, &there);
    by_number();
    void *plugin = dlopen(argv[1], RTLD_NOW);
    int (*in_plugin)(int (*)(unsigned long)) = plugin ? (int (*)(int (*)(unsigned long)))dlsym(plugin, "in_plugin") : 0;
    return in_plugin ? in_plugin(make) < 0 : 7;
}
"#;

#[test]
fn every_stack_tells_its_callers() {
    let scratch = Scratch::new();
    let plugin = "int in_plugin(int (*make)(unsigned long)); int in_plugin(int (*make)(unsigned long)) { volatile int id = make(4096); return id; }";
    let plugin = build(
        &scratch,
        "gcc",
        "plugin.so",
        plugin,
        &["-g", "-shared", "-fPIC"],
    );
    let program = build(&scratch, "gcc", "places", PLACES, &["-g", "-pthread"]);
    let report = leaks(&scratch, &[], &program, &[plugin.to_str().unwrap()]);
    let found = places(&report, &scratch);
    for function in [
        "in_thread",
        "in_handler",
        "in_coroutine",
        "by_number",
        "in_plugin",
    ] {
        let told = |place: &String| place.starts_with(&format!("{function} at "));
        assert!(found.iter().any(told), "{function}: {report}");
    }
}

/// Makes a segment in a signal's handler: raised, or, with an argument, by a timer in the middle of a loop.
const HANDLER: &str = "#define _GNU_SOURCE
#include <signal.h>
#include <sys/shm.h>
#include <sys/time.h>
static volatile int id = -1;
__attribute__((noinline)) static void handler(int number) { id = shmget(IPC_PRIVATE, 4096, 0600) + 0 * number; }
__attribute__((noinline)) static int loop(unsigned count) { while (id < 0) count = count * 3 + 1; return (int)count; }
__attribute__((noinline)) static int call(int count) { return raise(SIGUSR1) + count; }
int main(int argc, char **argv)
{
    struct itimerval soon = {.it_value.tv_usec = 1000};
    (void)argv;
    signal(SIGUSR1, handler);
    signal(SIGALRM, handler);
    if (argc > 1) return setitimer(ITIMER_REAL, &soon, NULL) + (loop(1) == 0);
    return call(argc) < 0;
}
";

/// Below a handler lies what the kernel saved, and then who was interrupted.
#[test]
#[cfg(target_arch = "x86_64")]
fn callers_below_a_signals_handler() {
    let scratch = Scratch::new();
    let program = build(&scratch, "gcc", "handler", HANDLER, &["-g"]);
    for words in [&["-k"][..], &["-k", "--ptrace"]] {
        for (args, wanted) in [
            (&[][..], "call at handler.c:8"),
            (&["x"], "loop at handler.c:7"),
        ] {
            let report = leaks(&scratch, words, &program, args);
            let places = places(&report, &scratch);
            let place = |wanted: &str| {
                let found = places.iter().position(|place| place.starts_with(wanted));
                found.unwrap_or_else(|| panic!("{wanted} in {report}"))
            };
            let handler = place("handler at handler.c:6");
            let (interrupted, main) = (place(wanted), place("main at handler.c:"));
            assert!(handler < interrupted && interrupted < main, "{report}");
        }
    }
}
