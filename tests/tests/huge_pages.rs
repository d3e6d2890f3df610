//! Segments of huge pages on a mount of hugetlbfs, beside the kernel's own. Needs root: for the mount, and because the pool
//! of huge pages is the whole machine's and has to be filled for the time of the test.

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
use partage_tests::process::run_bounded;

const BOUND: Duration = Duration::from_secs(60);
const POOL: &str = "/proc/sys/vm/nr_hugepages";
const PAGES: u64 = 8;

fn pool() -> Option<u64> {
    fs::read_to_string(POOL).ok()?.trim().parse().ok()
}

/// The pool with some pages in it; as it was, when dropped.
struct Pool {
    before: u64,
}

impl Pool {
    fn filled(before: u64) -> Option<Pool> {
        let pool = Pool { before };
        fs::write(POOL, (before + PAGES).to_string()).ok()?;
        (self::pool()? == before + PAGES).then_some(pool)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = fs::write(POOL, self.before.to_string());
    }
}

/// Why this cannot run here.
fn missing() -> Option<&'static str> {
    let systems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    if !systems.contains("hugetlbfs") {
        Some("the kernel has no hugetlbfs")
    } else if !memory
        .lines()
        .any(|line| line.starts_with("Hugepagesize:") && line.contains(" 2048 kB"))
    {
        Some("huge pages are not of 2 MiB")
    } else if fs::OpenOptions::new().write(true).open(POOL).is_err() {
        Some("needs the right to fill the pool of huge pages")
    } else {
        None
    }
}

/// Runs a script in namespaces of its own, with a hugetlbfs at `$PWD/pages` and the program as `$pool`.
fn run(built: &Artefacts, directory: &Path, script: &str) {
    let scene =
        "mkdir -p pages shared; chmod 1777 shared; mount -t hugetlbfs -o mode=1777 none pages\n";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--ipc", "sh", "-eu", "-c"])
        .arg(format!("{scene}{script}"))
        .current_dir(directory)
        .env("pool", directory.join("pool"))
        .env("library", built.shared_object())
        .env("partage", built.command())
        .env("PARTAGE_DIR", directory.join("shared"))
        .env("PARTAGE_HUGE_DIR", directory.join("pages"))
        .env_remove("LD_PRELOAD");
    let ended = run_bounded(&mut command, &directory.join("log"), BOUND).unwrap();
    assert_eq!(
        ended.code(),
        Some(0),
        "{script}\n{}{}",
        ended.output,
        ended.describe()
    );
}

/// What is left on the mount would keep pages from the pool: nothing may be.
const OURS: &str = r#"
export LD_PRELOAD=$library PARTAGE_TEST_MODE=preload
"#;
const NOTHING_LEFT: &str = r#"
unset LD_PRELOAD
test -z "$(ls pages)" || { ls -l pages shared; exit 1; }
"#;

/// One test: the pool is one.
#[test]
fn huge_pages_are_the_kernels() {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let built = artefacts().unwrap();
    let directory = built.programs.join("huge");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    run_tool(
        Command::new("gcc")
            .args([
                "-std=gnu11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-pthread",
                "-o",
            ])
            .arg(directory.join("pool"))
            .arg(built.root.join("c_tests/huge/pool.c"))
            .arg(format!("-I{}", built.root.join("c_tests").display())),
    )
    .unwrap();

    let before = pool().unwrap();
    if before == 0 {
        run(built, &directory, "\"$pool\" empty");
        run(
            built,
            &directory,
            &format!("{OURS}\"$pool\" empty\n{NOTHING_LEFT}"),
        );
    } else {
        println!("skipped in part: the machine's pool is not empty");
    }
    let Some(_pool) = Pool::filled(before) else {
        println!("skipped: no memory for {PAGES} huge pages");
        return;
    };
    run(built, &directory, "\"$pool\"");
    run(
        built,
        &directory,
        &format!("{OURS}\"$pool\"\n{NOTHING_LEFT}"),
    );
    // The mount is found without being named, too.
    run(
        built,
        &directory,
        &format!("unset PARTAGE_HUGE_DIR\n{OURS}\"$pool\"\n{NOTHING_LEFT}"),
    );
    with_the_command(built, &directory);
}

/// The command shows such a segment, and takes its memory with the namespace.
fn with_the_command(built: &Artefacts, directory: &Path) {
    run(
        built,
        directory,
        r#"
        make='import ctypes; c = ctypes.CDLL(None); i = c.shmget(77, 100, 0o5600); assert i > 0; c.shmat(i, 0, 0)'
        "$partage" run -- /usr/bin/python3 -c "$make"
        test -L shared/segment-*
        "$partage" doctor >doctor 2>&1 || { cat doctor; exit 1; }
        "$partage" dump 0x4d >/dev/null
        "$partage" gc
        test "$(ls pages | wc -l)" = 1
        # One whose slot is lost: a stray.
        rm shared/registry shared/members-*
        "$partage" run -- /usr/bin/python3 -c "$make"
        "$partage" gc
        test "$(ls pages | wc -l)" = 1
        "$partage" destroy --yes shared
        test "$(ls pages | wc -l)" = 0
        # A private namespace takes them with it.
        "$partage" run --private -- /usr/bin/python3 -c "$make"
        test "$(ls pages | wc -l)" = 0
        # A link that somebody made leads nowhere.
        mkdir -p shared; echo precious >elsewhere
        "$partage" run -- /usr/bin/python3 -c "$make"
        rm pages/*; ln -sfn "$PWD/elsewhere" shared/segment-*
        export LD_PRELOAD=$library
        ! ipcrm -M 77 2>refused || true
        unset LD_PRELOAD
        "$partage" destroy --yes shared
        grep -q precious elsewhere
        "#,
    );
}
