//! IPC namespaces: the same ids mean other segments there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use partage_tests::process::{Ended, run_bounded};

use crate::support::{Scratch, built, partage};

const BOUND: Duration = Duration::from_secs(60);

/// Leaves a segment; with an argument, in a namespace that it makes itself.
const LEAK: &str = "
#define _GNU_SOURCE
#include <sched.h>
#include <sys/shm.h>
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1 && unshare(CLONE_NEWIPC) != 0) return 1;
    return shmget(IPC_PRIVATE, 4096, 0600) < 0;
}
";

/// How somebody gets a namespace of his own; None if nobody may.
fn unshare() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["-i"], &["-U", "-r", "-i"]];
    let may = |way: &&[&str]| {
        let status = Command::new("unshare").args(*way).arg("true").status();
        status.is_ok_and(|status| status.success())
    };
    let way = WAYS.into_iter().find(may);
    if way.is_none() {
        println!("skipped: no IPC namespace can be made");
    }
    way
}

/// Traces a script in an empty namespace: what is left goes with it.
fn traced(scratch: &Scratch, way: &[&str], words: &[&str], program: &Path, script: &str) -> Ended {
    let mut command = Command::new("unshare");
    command.args(way).arg(built().command()).arg("trace");
    command.args(words).args(["--", "/bin/sh", "-c", script]);
    command.arg(program).env_remove("LD_PRELOAD");
    run_bounded(&mut command, &scratch.path("log"), BOUND).unwrap()
}

#[test]
fn ids_of_other_namespaces_are_other_segments() {
    let Some(way) = unshare() else { return };
    let scratch = Scratch::new();
    let program = scratch.compile("leak", LEAK, &[]);
    let script = "$0; unshare -i $0; $0 itself; $0";
    for words in [&["--leaks"][..], &["--leaks", "--ptrace"]] {
        let ended = traced(&scratch, way, words, &program, script);
        let report = &ended.output;
        assert_eq!(ended.code(), Some(0), "{report}");
        // What a program does after its start, ptrace(2) does not tell.
        let gone = if words.contains(&"--ptrace") { 1 } else { 2 };
        let own = 4 - gone;
        assert!(
            report.contains(&format!("  {own} segments never removed\n")),
            "{report}"
        );
        assert!(!report.contains("removed by somebody"), "{report}");
        let of = "\"private\" of ipc:[";
        assert!(report.contains(of), "{report}");
        assert!(
            report.contains("gone with its IPC namespace: no leak"),
            "{report}"
        );
    }
}

/// A program that is linked with partage, or started where partage is preloaded, leaves its segments in a namespace: the
/// kernel knows nothing of them.
#[test]
fn what_is_left_on_partage_is_a_leak_however_it_came_there() {
    let scratch = Scratch::new();
    let directory = scratch.path("namespace");
    let objects = &built().release;
    let link = scratch.path("libpartage.so.0");
    std::os::unix::fs::symlink(objects.join("libpartage.so"), link).unwrap();
    let library = objects.join("libpartage.so").display().to_string();
    let search = format!("-Wl,-rpath,{}", scratch.0.display());
    let source = "#include <sys/ipc.h>\n#include <sys/shm.h>\n#include <sys/mman.h>\n#include <fcntl.h>\n
int main(void) { return shmget(IPC_PRIVATE, 4096, 0600) < 0 || shm_open(\"/left-there\", O_CREAT | O_RDWR, 0600) < 0; }\n";
    let linked = scratch.compile("linked", source, &["-Wl,--no-as-needed", &library, &search]);
    let plain = scratch.compile("plain", source, &[]);
    let command = built().command();
    let command = command.display();
    let within = format!("run --dir {} --", directory.display());
    // In the recorder's place: no preload of it reaches the program.
    let instead = format!(
        "env PARTAGE_DIR={} LD_PRELOAD={}",
        directory.display(),
        objects.join("libpartage_preload.so").display()
    );
    for (program, words) in [
        (&linked, [""; 2]),
        (&plain, ["run --", ""]),
        (&plain, ["", &within]),
        (&plain, ["", &instead]),
    ] {
        // The command stands before its own words.
        let [around, within] = words.map(|words| match words.is_empty() {
            true => String::new(),
            false if words.starts_with("env ") => words.to_owned(),
            false => format!("{command} {words}"),
        });
        let script = format!(
            "{around} {command} trace --fail-on-leaks -- {within} {}",
            program.display()
        );
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).env_remove("LD_PRELOAD");
        // Within the trace, only the program knows of it.
        match within.is_empty() {
            true => shell.env("PARTAGE_DIR", &directory),
            false => shell.env_remove("PARTAGE_DIR"),
        };
        let ended = run_bounded(&mut shell, &scratch.path("log"), BOUND).unwrap();
        assert_eq!(ended.code(), Some(1), "{}", ended.output);
        for part in ["1 segment never removed", "/left-there"] {
            assert!(ended.output.contains(part), "{part} in {}", ended.output);
        }
        let gone = partage(&["rm", "--all", "--yes", "--dir"])
            .arg(&directory)
            .output();
        assert!(gone.unwrap().status.success());
    }
}
