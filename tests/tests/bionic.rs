//! The library on bionic, Android's C library: the C suite on the very object that glibc's and musl's programs use. Needs a
//! kit, see `BIONIC_KIT` in `src/bionic.rs`; without one, the tests say so and pass.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use partage_tests::artefacts::{Artefacts, artefacts, run_tool};
use partage_tests::bionic::{Kit, LIBRARIES, Setting, kit};
use partage_tests::cross::{NOT_EMULATED, cargo_for};
use partage_tests::mode::Mode;
use partage_tests::process::run_bounded;
use partage_tests::sandbox::Sandbox;
use partage_tests::suite::run_suite_without;

const BOUND: Duration = Duration::from_secs(60);

/// Programs that cannot be built there: bionic cannot cancel threads.
const NO_CANCELLATION: [&str; 4] = [
    "posix/not_a_cancellation_point",
    "process/cancelled_asynchronously",
    "process/cancelled_threads",
    "sysv/not_cancellation_points",
];

/// A program that hangs there without the library, too: bionic's fork holds a lock while it runs the handlers of
/// pthread_atfork(3), and a signal handler that interrupts it and forks waits for that for ever.
const NO_FORK_IN_HANDLERS: [&str; 1] = ["process/fork_in_handler"];

/// A program that cannot be built there: bionic leaves out the call, which is an old one.
const NO_OLD_CALLS: [&str; 1] = ["deviations/remap_file_pages"];

/// Programs that need of the C library what it answers with `ENOSYS`: named semaphores.
const NO_SEMAPHORES: [&str; 1] = ["posix/named_semaphore"];

/// Programs about what only a tmpfs does: seals, files of more than 16 TiB, pages that are counted when they are touched.
const NOT_ON_A_DISK: [&str; 4] = [
    "posix/descriptor",
    "posix/size",
    "sysv/control_info",
    "sysv/get_create",
];

/// Programs that make hard links of their own.
const LINKS: [&str; 1] = ["posix/unlink"];

/// Programs whose processes die of a signal: emulated, bionic's own handler of such signals fails and exits.
const NO_DEATHS_EMULATED: [&str; 2] = ["posix/name_pointer", "process/ended"];

/// A program that needs a function of the compiler's runtime library on this processor, which the kit does not have.
const NO_COMPILER_RUNTIME: [&str; 1] = ["sysv/attach_exec"];

/// The kit; `None`, and a word about it, where there is none.
fn kit_or_word() -> Option<&'static Kit> {
    let kit = kit().unwrap();
    if kit.is_none() {
        eprintln!("skipped: BIONIC_KIT names no kit");
    }
    kit
}

fn suite(setting: Setting, left_out: &[&str]) {
    if kit_or_word().is_none() {
        return;
    }
    let left_out = [
        &NO_CANCELLATION[..],
        &NO_OLD_CALLS,
        &NO_FORK_IN_HANDLERS,
        &NO_SEMAPHORES,
        left_out,
    ]
    .concat();
    if let Err(failures) = run_suite_without(Mode::Bionic(setting), &left_out) {
        panic!("{}: {failures}", setting.name());
    }
}

#[test]
fn linked() {
    suite(Setting::Linked, &[]);
}

#[test]
fn preloaded() {
    suite(Setting::Preloaded, &[]);
}

#[test]
fn on_a_disk() {
    suite(Setting::Disk, &NOT_ON_A_DISK);
}

#[test]
fn as_an_app() {
    suite(Setting::App, &[&NOT_ON_A_DISK[..], &LINKS].concat());
}

/// By an emulator, with the object that glibc's programs on aarch64 have.
#[test]
#[ignore = "builds for another processor, and is emulated: make test-bionic"]
fn aarch64() {
    let Some(kit) = kit_or_word() else { return };
    let built = artefacts().unwrap();
    let target = "aarch64-unknown-linux-gnu";
    run_tool(
        cargo_for(target, "core")
            .unwrap()
            .args(["build", "--quiet", "--release", "-p", "partage-preload"])
            .args(["--target", target, "--target-dir"])
            .arg(built.programs.with_file_name("bionic-aarch64"))
            .env(
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                "aarch64-linux-gnu-gcc",
            )
            .current_dir(&built.root),
    )
    .unwrap();
    let object = built
        .programs
        .with_file_name("bionic-aarch64")
        .join(target)
        .join("release/libpartage_preload.so");
    kit.install(&object, "aarch64", "libpartage_preload.so")
        .unwrap();
    let left_out = [&NOT_EMULATED[..], &NO_DEATHS_EMULATED, &NO_COMPILER_RUNTIME].concat();
    suite(Setting::Aarch64, &left_out);
}

/// As C and as C++, with the plain names and without.
#[test]
fn the_header_compiles() {
    let Some(kit) = kit_or_word() else { return };
    let header = artefacts().unwrap().root.join("include/partage.h");
    for architecture in ["x86_64", "aarch64"] {
        for language in ["c", "c++"] {
            for names in ["-UPARTAGE_DROP_IN", "-DPARTAGE_DROP_IN"] {
                run_tool(
                    kit.tool("cc")
                        .args([architecture, "28", names, "-Wall", "-Wextra", "-Werror"])
                        .args(["-fsyntax-only", "-x", language])
                        .arg(&header),
                )
                .unwrap();
            }
        }
    }
}

/// Compiles a program of `c_tests/bionic` to a path that is the same inside and outside of the root.
fn program(kit: &Kit, built: &Artefacts, name: &str, options: &[&str]) -> String {
    let outside = built.programs.join("bionic-programs").join(name);
    let inside = kit.root("x86_64").join(outside.strip_prefix("/").unwrap());
    for path in [&outside, &inside] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    run_tool(
        kit.tool("cc")
            .args([
                "x86_64",
                "28",
                "-std=gnu11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-g",
                "-O1",
                "-o",
            ])
            .arg(&inside)
            .arg(built.root.join(format!("c_tests/bionic/{name}.c")))
            .args(options),
    )
    .unwrap();
    fs::copy(&inside, &outside).unwrap();
    outside.to_str().unwrap().to_owned()
}

/// Runs it in a view of the root of its own.
fn run(
    kit: &'static Kit,
    setting: Setting,
    path: String,
    variables: Vec<(&'static str, String)>,
) -> String {
    std::thread::spawn(move || {
        let sandbox = Sandbox::enter();
        assert!(sandbox.is_private(), "needs the right to mount");
        kit.enter(setting).unwrap();
        let log = kit.unpacked().join(format!(
            "log-{}",
            Path::new(&path).file_name().unwrap().display()
        ));
        let mut command = setting.command(kit, &path, &variables);
        run_bounded(&mut command, &log, BOUND)
            .unwrap()
            .expect_success()
    })
    .join()
    .unwrap()
}

/// What Termux's packages call, linked to the one file that takes the place of Termux's own.
#[test]
fn termuxs_names() {
    let Some(kit) = kit_or_word() else { return };
    let built = artefacts().unwrap();
    let library = kit.root("x86_64").join("data/lib/libandroid-shmem.so");
    let path = program(kit, built, "termux", &[library.to_str().unwrap()]);
    let variables = vec![("LD_LIBRARY_PATH", LIBRARIES.to_owned())];
    run(kit, Setting::App, path, variables);
}

/// The recorder: what a bionic program leaves behind, at its line; as text and as JSON too.
#[test]
fn a_leak_at_its_line() {
    let Some(kit) = kit_or_word() else { return };
    let built = artefacts().unwrap();
    let path = program(kit, built, "leak", &[]);
    let recording = kit.root("x86_64").join("data/tmp/recording");
    let _ = fs::remove_dir_all(&recording);
    fs::create_dir(&recording).unwrap();
    let preloaded = format!("{LIBRARIES}/libpartage_trace.so {LIBRARIES}/libpartage_preload.so");
    let variables = vec![
        ("PARTAGE_TRACE", "/data/tmp/recording".to_owned()),
        ("LD_PRELOAD", preloaded),
    ];
    run(kit, Setting::Preloaded, path, variables);
    let report = |option: &str| {
        let shown = Command::new(built.command())
            .args(["report", option])
            .arg(&recording)
            .output()
            .unwrap();
        assert!(shown.status.success(), "{shown:?}");
        String::from_utf8(shown.stdout).unwrap()
    };
    let leaks = report("--leaks");
    assert!(leaks.contains("1 segment never removed"), "{leaks}");
    assert!(leaks.contains("leak.c:11"), "{leaks}");
    let text = report("--format=text");
    assert!(
        text.contains("shmget(0x1eac, 4096, IPC_CREAT|0600)"),
        "{text}"
    );
    assert!(report("--format=json").contains("shmget"));
}

/// PostgreSQL, with parallel queries, a postmaster that is killed, and a second one that must not start: as it is, with hard
/// links refused, and under an app's filter; then with all of its memory in System V segments.
#[test]
fn postgresql() {
    let Some(kit) = kit_or_word() else { return };
    let links = ["-e", "13:link,linkat"];
    let app = [
        "-a",
        "/data/app-calls.txt",
        "-e",
        "13:link,linkat",
        "-e",
        "38:rseq",
    ];
    for (memory, options) in [
        ("mmap", &[][..]),
        ("mmap", &links),
        ("mmap", &app),
        ("sysv", &app),
    ] {
        let mut command = kit.tool("pg");
        command
            .arg(kit.unpacked())
            .arg(format!("{LIBRARIES}/libpartage.so"))
            .args(options)
            .env("SMT", memory);
        let log = kit.unpacked().join("log-postgresql");
        let ended = run_bounded(&mut command, &log, BOUND * 4).unwrap();
        assert_eq!(
            ended.code(),
            Some(0),
            "{memory} {options:?}: {}",
            ended.output
        );
        assert!(!ended.output.contains("WRONG"), "{}", ended.output);
    }
}
