//! `partage init` and `partage destroy`.

use crate::fixture::Namespace;
use crate::support::{Place, finish, outcome, partage};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;

fn is_root() -> bool {
    // SAFETY: reads the effective user id.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        eprintln!("skipped: only root can be somebody else");
    }
    root
}

#[test]
fn modes() {
    let place = Place::new();
    for (words, mode) in [
        (&[][..], 0o711),
        (&["--mode", "1777"], 0o1777),
        (&["--group", "0"], 0o3771),
    ] {
        let dir = place.join(&format!("{mode:o}"));
        let dir = dir.to_str().unwrap();
        if words.contains(&"--group") && !is_root() {
            continue;
        }
        assert_eq!(outcome(&[&["init", dir], words].concat()).0, Some(0));
        assert_eq!(
            fs::metadata(dir).unwrap().permissions().mode() & 0o7777,
            mode
        );
        // Again is fine, another mode is not.
        assert_eq!(outcome(&[&["init", dir], words].concat()).0, Some(0));
        let (code, output) = outcome(&["init", dir, "--mode", "700"]);
        assert_eq!(code, Some(1));
        assert!(output.contains("has mode"), "{output}");
    }
    for wrong in [
        &["init"][..],
        &["init", "--mode", "9", "/x"],
        &["init", "--group", "no-such", "/x"],
    ] {
        assert_eq!(outcome(wrong).0, Some(2), "{wrong:?}");
    }
    let (code, output) = outcome(&["init", "/no/such/parent"]);
    assert_eq!(code, Some(1));
    assert!(output.contains("No such file or directory"), "{output}");
}

/// Two users in a namespace made for everybody.
#[test]
fn shared_by_two_users() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    assert_eq!(
        outcome(&["init", &namespace.dir(), "--mode", "1777"]).0,
        Some(0)
    );
    let ids = namespace.make("get 1 100 0666");
    let words = ["ls", "--dir", &namespace.dir()];
    let ended = finish(partage(&words).uid(65534).gid(65534));
    assert!(ended.output.contains(&ids[0]), "{}", ended.output);
    let words = ["rm", "--dir", &namespace.dir(), &ids[0]];
    let ended = finish(partage(&words).uid(65534).gid(65534));
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.output.contains("Operation not permitted"),
        "{}",
        ended.output
    );
    assert!(namespace.show(&["ls"]).contains(&ids[0]));
}

#[test]
fn system_namespace_is_roots() {
    if !is_root() {
        return;
    }
    let ended = finish(partage(&["init", "--system"]).uid(65534).gid(65534));
    assert_eq!(ended.code(), Some(1));
    assert!(ended.output.contains("only root"), "{}", ended.output);
    // In a /dev/shm of its own: the machine's shall not change under others.
    let script = "mount -t tmpfs -o mode=1777 none /dev/shm && $PARTAGE init --system &&
        stat -c %a /dev/shm/partage && setpriv --reuid=65534 --clear-groups $PARTAGE run -- ipcmk -M 10 &&
        ls /dev/shm && $PARTAGE ls --sysv | tail -n +2 | wc -l && $PARTAGE destroy --yes /dev/shm/partage --force";
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["-m", "sh", "-c", script]);
    let ended = finish(unshare.env("PARTAGE", crate::support::built().command()));
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
    let lines: Vec<&str> = ended.output.lines().collect();
    assert_eq!(lines[1], "1777", "{}", ended.output);
    assert_eq!(lines[3..5], ["partage", "1"], "{}", ended.output);
}

/// One in a later place is not what a program would use now, which makes its own in /dev/shm.
#[test]
fn ls_shows_the_namespace_that_a_program_would_use() {
    if !is_root() {
        return;
    }
    let script =
        "mount -t tmpfs -o mode=1777 none /dev/shm; mount -t tmpfs none /mnt; export TMPDIR=/mnt
        $PARTAGE run --dir /mnt/partage-0 -- ipcmk -M 10 >/dev/null; $PARTAGE ls --sysv --json
        mount -t tmpfs -o ro none /dev/shm; echo; $PARTAGE ls --sysv --json";
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["-m", "sh", "-c", script]);
    let ended = finish(unshare.env("PARTAGE", crate::support::built().command()));
    let (writable, read_only) = ended.output.split_once("\n\n").unwrap();
    assert!(!writable.contains("\"id\":"), "{writable}");
    assert!(read_only.contains("\"id\":"), "{read_only}");
}

#[test]
fn destroy_removes_a_namespace_and_nothing_else() {
    let namespace = Namespace::new();
    let dir = namespace.dir();
    let held = namespace.hold("get 1 100 0600 at posix /x 10");
    let (code, output) = outcome(&["destroy", &dir]);
    assert_eq!(code, Some(1));
    assert!(output.contains("somebody is attached"), "{output}");
    held.finish();
    let stranger = format!("{dir}/notes.txt");
    fs::write(&stranger, "").unwrap();
    let (code, output) = outcome(&["destroy", &dir]);
    assert_eq!(code, Some(1));
    assert!(output.contains("holds notes.txt"), "{output}");
    fs::remove_file(stranger).unwrap();
    let (code, output) = outcome(&["destroy", "--dry-run", &dir]);
    assert_eq!(
        (code, output),
        (
            Some(0),
            format!("would remove {dir}: 1 segment, 1 object\n")
        )
    );
    assert!(fs::metadata(&dir).unwrap().is_dir());
    let (code, output) = outcome(&["destroy", &dir]);
    assert_eq!(code, Some(1));
    assert!(output.contains("no terminal to ask on"), "{output}");
    assert_eq!(
        outcome(&["destroy", "--yes", &dir]),
        (Some(0), format!("removed {dir}: 1 segment, 1 object\n"))
    );
    assert!(fs::metadata(&dir).is_err());
}

#[test]
fn another_users_directory_is_refused() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let dir = place.join("theirs");
    let dir = dir.to_str().unwrap();
    assert_eq!(outcome(&["init", dir]).0, Some(0));
    std::os::unix::fs::chown(dir, Some(65534), None).unwrap();
    let (code, output) = outcome(&["init", dir]);
    assert_eq!(code, Some(1));
    assert!(output.contains("belongs to nobody"), "{output}");
    assert_eq!(fs::metadata(dir).unwrap().uid(), 65534);
}

/// What nobody can read any more can be removed, and `doctor` says how; not while somebody has it open.
#[test]
fn destroy_removes_what_is_damaged() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at");
    let dir = namespace.dir();
    let registry = std::path::Path::new(&dir).join("registry");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(registry)
        .unwrap();
    std::io::Write::write_all(&mut file, b"garbage!").unwrap();
    drop(file);
    let (code, output) = outcome(&["doctor", "--dir", &dir]);
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.contains(&format!("\n           partage destroy {dir}\n")),
        "{output}"
    );
    let (code, output) = outcome(&["destroy", "--yes", &dir]);
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.contains("is damaged\n") && output.contains("--force"),
        "{output}"
    );
    held.kill();
    let (code, output) = outcome(&["destroy", "--yes", &dir]);
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains("of which nothing can be told (the registry in "),
        "{output}"
    );
    assert!(!std::path::Path::new(&dir).exists());
}
