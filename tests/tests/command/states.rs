//! Namespaces in every state: missing, empty, foreign, damaged, huge.

use crate::fixture::Namespace;
use crate::support::{Place, finish, outcome, partage};
use partage_tests::random::Random;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

/// Subcommands that look at a namespace.
const LOOKS: [&[&str]; 5] = [
    &["ls"],
    &["ls", "-p"],
    &["ls", "--json"],
    &["stat", "0x1"],
    &["gc", "--dry-run"],
];

fn registry(namespace: &Namespace) -> PathBuf {
    PathBuf::from(namespace.dir()).join("registry")
}

#[test]
fn missing_one_is_said_and_not_made() {
    let namespace = Namespace::new();
    for words in LOOKS {
        let (code, output) = namespace.partage(words);
        assert_eq!(code, Some(1), "{words:?}: {output}");
        assert!(
            output.contains("there is no namespace"),
            "{words:?}: {output}"
        );
    }
    assert!(!PathBuf::from(namespace.dir()).exists());
}

#[test]
fn empty_one_shows_headings_only() {
    let namespace = Namespace::new();
    assert_eq!(outcome(&["init", &namespace.dir()]).0, Some(0));
    let heading = "KEY  ID  OWNER  MODE  SIZE  RES  NATTCH  STATUS  CHANGED  USED  PIDS\n";
    assert_eq!(namespace.show(&["ls"]), heading);
    assert_eq!(namespace.show(&["gc"]), "nothing to clear away\n");
    assert_eq!(namespace.show(&["rm", "--all"]), "nothing to remove\n");
    assert!(
        namespace
            .show(&["ls", "--json"])
            .contains("\"segments\": []")
    );
    // Looking makes nothing.
    assert_eq!(fs::read_dir(namespace.dir()).unwrap().count(), 0);
}

/// Without `--dir`, a user whose programs have used none has an empty list, not an error.
#[test]
fn default_that_was_never_used() {
    let script = "mount -t tmpfs -o mode=1777 none /dev/shm && $PARTAGE ls && ls -A /dev/shm
        echo --; ipcmk -M 100 >/dev/null && $PARTAGE ls && $PARTAGE ls --posix";
    let mut unshare = std::process::Command::new("unshare");
    unshare
        .args(["-mri", "sh", "-c", script])
        .env("PARTAGE", crate::support::built().command());
    unshare
        .env_remove("PARTAGE_DIR")
        .env_remove("XDG_RUNTIME_DIR")
        .env("TMPDIR", "/dev/shm");
    let output = finish(&mut unshare).output;
    let (before, after) = output.split_once("--\n").unwrap();
    assert!(
        before.starts_with("KEY  ID") && before.lines().count() == 1,
        "{output}"
    );
    // What the kernel has is no secret, where segments are wanted.
    let note = "the kernel has 1 segment of its own: `partage ls --backend kernel` shows it\n";
    assert_eq!(after.matches(note).count(), 1, "{output}");
}

#[test]
fn foreign_one_stays_closed() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600");
    for words in LOOKS {
        let (first, rest) = words.split_first().unwrap();
        let dir = namespace.dir();
        let words = [&[*first, "--dir", &dir], rest].concat();
        let ended = finish(partage(&words).uid(65534).gid(65534));
        assert_eq!(ended.code(), Some(1), "{words:?}: {}", ended.output);
        assert!(
            ended.output.contains("is not open to you"),
            "{words:?}: {}",
            ended.output
        );
    }
}

#[test]
fn link_in_its_place_is_no_namespace() {
    let namespace = Namespace::new();
    let place = Place::new();
    let target = place.join("target");
    fs::create_dir(&target).unwrap();
    symlink(&target, namespace.dir()).unwrap();
    let (code, output) = namespace.partage(&["ls"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("it is a link\n"), "{output}");
    // Nor is what the link leads to removed, even if it is a namespace.
    assert_eq!(
        outcome(&["init", "--mode", "755", target.to_str().unwrap()]).0,
        Some(0)
    );
    let made = outcome(&[
        "run",
        "--dir",
        target.to_str().unwrap(),
        "--",
        "ipcmk",
        "-M",
        "1",
    ]);
    assert_eq!(made.0, Some(0), "{}", made.1);
    for dir in [namespace.dir(), namespace.dir() + "/"] {
        let (code, output) = outcome(&["destroy", "--yes", &dir]);
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains(" is a link\n"), "{output}");
    }
    assert!(target.join("registry").exists());
}

#[test]
fn registry_of_something_else_is_left_alone() {
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(registry(&namespace))
        .unwrap();
    let mut start = [0; 16];
    file.read_exact_at(&mut start, 0).unwrap();
    let damages: [(u64, &[u8], &str); 3] = [
        (8, &[9], "of another version"),
        (0, b"garbage!", "is damaged"),
        (0, &[0; 8], "is damaged"),
    ];
    for (offset, bytes, message) in damages {
        file.write_all_at(bytes, offset).unwrap();
        let before = fs::read(registry(&namespace)).unwrap();
        for words in LOOKS {
            let (code, output) = namespace.partage(words);
            assert_eq!(code, Some(1), "{words:?}: {output}");
            assert!(output.contains(message), "{words:?}: {output}");
        }
        let (code, output) = namespace.partage(&["doctor"]);
        assert_eq!(code, Some(1));
        assert!(output.contains(message), "{output}");
        assert!(before == fs::read(registry(&namespace)).unwrap());
        file.write_all_at(&start, 0).unwrap();
    }
    file.set_len(1000).unwrap();
    assert_eq!(namespace.partage(&["ls"]).0, Some(1));
}

/// Whatever the tables hold, looking ends, and neither crashes nor touches anything.
#[test]
fn random_damage_is_survived() {
    let seed = std::env::var("PARTAGE_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| std::process::id().into());
    println!("PARTAGE_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at get 2 5000 0600 at at many 20 fork 2");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(registry(&namespace))
        .unwrap();
    let whole = fs::read(registry(&namespace)).unwrap();
    for _ in 0..40 {
        for _ in 0..200 {
            // Not the magic and the version: those have a test of their own.
            let offset = 16 + random.number() % (whole.len() as u64 - 24);
            file.write_all_at(&random.number().to_ne_bytes(), offset)
                .unwrap();
        }
        for words in [
            &["ls", "-p"][..],
            &["ls", "--json"],
            &["stat", "0x1"],
            &["doctor"],
        ] {
            let (code, output) = namespace.partage(words);
            assert!(matches!(code, Some(0 | 1)), "{words:?}: {code:?} {output}");
        }
        file.write_all_at(&whole, 0).unwrap();
    }
    held.finish();
}

/// 4096 segments and 1000 processes.
#[test]
fn huge_one() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at many 4095 fork 1000");
    let text = namespace.show(&["ls", "--sysv"]);
    assert_eq!(text.lines().count(), 4097);
    let value: serde_json::Value =
        serde_json::from_str(&namespace.show(&["ls", "--json"])).unwrap();
    assert_eq!(value["segments"].as_array().unwrap().len(), 4096);
    let first = &value["segments"][0];
    assert_eq!(first["nattch"], 1001);
    assert_eq!(first["attached"].as_array().unwrap().len(), 1001);
    assert_eq!(namespace.show(&["ls", "-p"]).lines().count(), 1002);
    assert_eq!(namespace.show(&["ls", "--ipcs"]).lines().count(), 4096 + 4);
    let line = text.lines().nth(1).unwrap();
    assert!(line.trim_end().ends_with(",+995"), "{line}");
    let (code, output) = namespace.partage(&["doctor"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("1001 living members"), "{output}");
    let limit = "is used up: 4096 of 4096 segments; 4095 orphans of 4 KiB";
    assert!(output.contains(limit), "{output}");
    held.kill();
    let output = namespace.show(&["rm", "--all", "--yes"]);
    assert_eq!(output.lines().count(), 4096);
}

/// A directory of something else is no empty namespace.
#[test]
fn directory_of_something_else_is_no_namespace() {
    for words in LOOKS {
        let (first, rest) = words.split_first().unwrap();
        for (dir, why) in [
            ("/etc", "has no registry"),
            ("/etc/passwd", "it is no directory"),
        ] {
            let (code, output) = outcome(&[&[*first, "--dir", dir], rest].concat());
            assert_eq!(code, Some(1), "{words:?}: {output}");
            let what = format!("{dir} is no namespace: ");
            assert!(output.contains(&what) && output.contains(why), "{output}");
        }
    }
}

/// Root sees everybody's namespaces; others are told that there are some.
#[test]
fn namespaces_of_all_users() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let script = "mount -t tmpfs -o mode=1777 none /dev/shm; mount -t tmpfs -o mode=1777 none /tmp; cd /
        as() { u=$1; shift; setpriv --reuid=$u --regid=$u --clear-groups env TMPDIR=/dev/shm $PARTAGE \"$@\"; }
        as 65534 run -- ipcmk -M 5000 >/dev/null
        as 4711 ls --sysv --sort id; as 4711 ls --all-users; as 4711 rm --orphans
        TMPDIR=/dev/shm $PARTAGE gc; TMPDIR=/dev/shm $PARTAGE rm --all; $PARTAGE gc --user nobody
        TMPDIR=/dev/shm $PARTAGE ls; $PARTAGE ls --all-users; $PARTAGE ls --user nobody
        $PARTAGE rm --user nobody --all --yes; $PARTAGE gc --user nobody; ls -A /dev/shm/partage-65534";
    let mut unshare = std::process::Command::new("unshare");
    unshare
        .args(["-m", "-p", "-f", "--mount-proc", "sh", "-c", script])
        .env("PARTAGE", crate::support::built().command())
        .env_remove("PARTAGE_DIR")
        .env("NO_COLOR", "1");
    let output = finish(&mut unshare).output;
    for part in [
        " of nobody: run as root (`ls --all-users`) or as them\n",
        " of nobody: `partage ls --all-users` shows what is in them\n",
        " of nobody that cannot be looked into: run as root or as them\n",
        "nothing to remove\npartage: there is 1 namespace of nobody: run as root (`--user nobody`) or as them\n",
        "nothing to clear away\npartage: there is 1 namespace of nobody: `--user nobody` tidies there\n",
        "nothing to remove\npartage: there is 1 namespace of nobody: `--user nobody` tidies there\n",
        ", which nobody is attached to: `partage rm --orphans --user nobody` removes them\n",
        "\n/dev/shm/partage-65534\nKEY ",
        "removed segment ",
        "cleared away the bookkeeping of /dev/shm/partage-65534, which nobody uses",
    ] {
        assert!(output.contains(part), "{part} in\n{output}");
    }
    let mut lines = output
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let wanted = [
        "/dev/shm/partage-65534",
        "nobody",
        "leftover",
        "0",
        "1",
        "0",
        "0B",
    ];
    assert!(lines.any(|line| line == wanted), "{output}");
    assert_eq!(output.matches("4.9KiB").count(), 2, "{output}");
}
