//! `scripts/setup.sh` on systems without apt-get: one line that says what to install, by the system's own names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories with what a system has at least, and with a compiler and `make` too.
fn systems() -> [PathBuf; 2] {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("setup");
    let _ = fs::remove_dir_all(&place);
    let bare = ["sh", "dirname", "sort", "tr", "cargo"];
    let building = ["sh", "dirname", "sort", "tr", "cargo", "cc", "make"];
    [("bare", &bare[..]), ("building", &building[..])].map(|(name, programs)| {
        let directory = place.join(name);
        fs::create_dir_all(&directory).unwrap();
        for program in programs {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|path| path.join(program))
                .find(|path| path.exists());
            symlink(found.unwrap(), directory.join(program)).unwrap();
        }
        directory
    })
}

fn setup(programs: &Path, system: &str, goal: &str) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let release = programs.join("os-release");
    fs::write(&release, format!("NAME=\"A system\"\n{system}\n")).unwrap();
    let output = Command::new("sh")
        .arg(root.join("scripts/setup.sh"))
        .arg(goal)
        .env("PATH", programs)
        .env("PARTAGE_OS_RELEASE", release)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), said)
}

#[test]
fn says_in_one_line_what_to_install() {
    let [bare, building] = systems();
    for (system, line) in [
        ("ID=fedora", ": dnf install gcc"),
        (
            "ID=rocky\nID_LIKE=\"rhel centos fedora\"",
            ": dnf install gcc",
        ),
        ("ID=arch", ": pacman -S gcc"),
        ("ID=alpine", ": apk add gcc"),
        ("ID=unheard-of", "install what stands for cc"),
    ] {
        for goal in ["build", "run", "test"] {
            let (succeeded, said) = setup(&bare, system, goal);
            assert!(
                !succeeded && said.contains(line),
                "{system}, {goal}: {said}"
            );
            assert_eq!(said.lines().count(), 1, "{said}");
        }
        let (succeeded, said) = setup(&building, system, "build");
        assert!(succeeded && said.is_empty(), "{system}: {said}");
        let (succeeded, said) = setup(&building, system, "deb");
        assert!(!succeeded && said.contains("made on Debian"), "{said}");
    }
}
