//! `partage rm` and `partage gc`: what goes, and what stays.

use crate::fixture::Namespace;
use crate::support::{finish, outcome, partage, wait_until};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where no directory is named, gc sweeps the private namespaces of all the dead: also what another test has made to look
/// like one.
fn sweeping() -> MutexGuard<'static, ()> {
    static SWEEPING: Mutex<()> = Mutex::new(());
    SWEEPING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn segment_files(namespace: &Namespace) -> usize {
    let files = fs::read_dir(namespace.dir()).unwrap().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().starts_with("segment-"))
        .count()
}

#[test]
fn by_id_key_and_name() {
    let namespace = Namespace::new();
    let ids = namespace.make("get 1 100 0600 get 2 100 0600 get 3 100 0600 posix /x 10");
    let output = namespace.show(&["rm", &ids[0], "0x2", "/x"]);
    assert!(
        output.starts_with(&format!("removed segment {} (key 0x00000001", ids[0])),
        "{output}"
    );
    assert!(output.contains("removed object /x (10 B)\n"), "{output}");
    let left = namespace.show(&["ls"]);
    assert_eq!(left.lines().count(), 2, "{left}");
    assert!(left.contains(&ids[2]));
    assert_eq!(segment_files(&namespace), 1);
}

#[test]
fn what_is_in_use_stays_without_force() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at posix /x 10");
    for target in ["0x1", "/x"] {
        let (code, output) = namespace.partage(&["rm", target]);
        assert_eq!(code, Some(1));
        assert!(
            output.contains("somebody is attached, or has it open"),
            "{output}"
        );
        assert!(output.contains("--force"), "{output}");
    }
    namespace.show(&["rm", "--force", "0x1", "/x"]);
    let left = namespace.show(&["ls"]);
    assert!(left.contains("removed"), "{left}");
    let object = left.lines().find(|line| line.contains("/x")).unwrap();
    assert!(object.contains("unlinked"), "{left}");
    held.finish();
    assert_eq!(segment_files(&namespace), 0);
}

#[test]
fn missing_ones_are_named_and_the_others_go() {
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600");
    let (code, output) = namespace.partage(&["rm", "12345", "0x1", "/nothing"]);
    assert_eq!(code, Some(1));
    for part in [
        "no such thing: segment 12345",
        "no such thing: object /nothing",
        "removed segment",
    ] {
        assert!(output.contains(part), "{output}");
    }
    assert_eq!(outcome(&["rm"]).0, Some(2));
    assert_eq!(outcome(&["rm", "--all", "--orphans"]).0, Some(2));
}

#[test]
fn in_bulk_only_what_is_free() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at get 2 100 0600 get 3 100 0600 posix /x 10");
    let preview = namespace.show(&["rm", "--orphans", "--dry-run"]);
    assert_eq!(
        preview.matches("would remove segment").count(),
        2,
        "{preview}"
    );
    assert_eq!(namespace.show(&["ls", "--sysv"]).lines().count(), 4);
    let (code, refused) = namespace.partage(&["rm", "--orphans"]);
    assert_eq!(code, Some(1), "{refused}");
    assert!(
        refused.contains("`--yes` does it without asking"),
        "{refused}"
    );
    assert_eq!(namespace.show(&["ls", "--sysv"]).lines().count(), 4);
    let output = namespace.show(&["rm", "--orphans", "--yes"]);
    assert_eq!(output.matches("removed segment").count(), 2, "{output}");
    let output = namespace.show(&["rm", "--all", "--yes"]);
    assert_eq!(output.matches("in use, stays").count(), 2, "{output}");
    held.finish();
    namespace.show(&["rm", "--all", "--yes"]);
    assert_eq!(segment_files(&namespace), 0);
}

/// A member that was killed leaves an attachment to a removed segment: only gc or the next
/// program that uses the namespace takes it off.
#[test]
fn gc_reaps_the_dead() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 1000000 0600 at remove get 2 100 0600 at");
    held.kill();
    assert_eq!(segment_files(&namespace), 2);
    let preview = namespace.show(&["gc", "--dry-run"]);
    assert!(preview.contains("would"), "{preview}");
    assert_eq!(segment_files(&namespace), 2);
    let output = namespace.show(&["gc"]);
    assert!(output.contains("1 segment"), "{output}");
    assert_eq!(segment_files(&namespace), 1);
    let again = namespace.show(&["gc"]);
    assert!(again.contains("nothing"), "{again}");
    assert_eq!(namespace.show(&["ls"]).lines().count(), 2);
}

/// The whole of a private run killed at once: supervisor, guard and program.
#[test]
fn gc_removes_private_namespaces_of_dead_runs() {
    let _sweeping = sweeping();
    let namespace = Namespace::new();
    namespace.make("get 1 1 0600");
    let script = "echo $PARTAGE_DIR; exec sleep 1000";
    let mut command = partage(&["run", "--private", "--", "sh", "-c", script]);
    let mut supervisor = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(supervisor.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let dir = Path::new(line.trim());
    let starter = fs::read(dir.join("starter")).unwrap();
    let gc = |words: &[&str]| {
        let mut command = partage(&[&["gc"], words].concat());
        finish(command.env("PARTAGE_DIR", namespace.dir())).output
    };
    assert!(!gc(&[]).contains(line.trim()), "a living run is left alone");
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    wait_until("the guard has cleaned up", || !dir.exists());
    // The guard cannot be killed at the same instant by a test: what it would leave is made.
    fs::DirBuilder::new().mode(0o711).create(dir).unwrap();
    fs::write(dir.join("starter"), starter).unwrap();
    fs::write(dir.join("segment-1-1000"), vec![1; 4096]).unwrap();
    let elsewhere = namespace.show(&["gc"]);
    assert!(dir.exists(), "a directory was named: {elsewhere}");
    let preview = gc(&["--dry-run"]);
    assert!(preview.contains(line.trim()) && dir.exists(), "{preview}");
    let output = gc(&[]);
    assert!(output.contains(line.trim()) && !dir.exists(), "{output}");
}

/// Files that a crash left without an owner: a segment's without a slot, a half-made registry.
#[test]
fn gc_removes_stray_files() {
    let namespace = Namespace::new();
    namespace.make("get 1 100 0600");
    let half_made = format!("{}/registry.1234", namespace.dir());
    fs::write(format!("{}/segment-999-1000", namespace.dir()), "x").unwrap();
    let file = fs::File::create(&half_made).unwrap();
    // One that is being made at this moment stays.
    assert!(
        namespace
            .show(&["gc", "--dry-run"])
            .contains("1 stray file ")
    );
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert!(namespace.show(&["gc"]).contains("2 stray files"));
    assert!(!Path::new(&half_made).exists());
    assert_eq!(segment_files(&namespace), 1);
    let again = namespace.show(&["gc"]);
    assert!(again.starts_with("nothing to clear away\n"), "{again}");
    assert!(again.contains("stay: 1 segment of 100"), "{again}");
}

/// The bookkeeping of a namespace is memory too; the next program makes it anew.
/// The mode of a directory may be changed while segments live in it, and with it the names that files have.
#[test]
fn gc_leaves_the_segments_of_a_directory_with_another_mode() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at write x");
    let mode = |mode: u32| fs::set_permissions(namespace.dir(), Permissions::from_mode(mode));
    mode(0o777).unwrap();
    assert_eq!(namespace.show(&["gc"]), "nothing to clear away\n");
    assert_eq!(segment_files(&namespace), 1);
    let (code, text) = namespace.partage(&["doctor", "--repair"]);
    assert_eq!(code, Some(1), "{text}");
    let told = format!(
        "  give it a mode as it had before\n           chmod go-w {}\n",
        namespace.dir()
    );
    assert!(text.contains(&told), "{text}");
    assert!(
        text.contains("good     every invariant of the registry holds"),
        "{text}"
    );
    mode(0o711).unwrap();
    namespace.show(&["doctor"]);
    assert!(namespace.show(&["dump", "1"]).starts_with('x'));
    held.finish();
}

#[test]
fn gc_gives_back_what_nobody_uses() {
    let namespace = Namespace::new();
    let registry = Path::new(&namespace.dir()).join("registry");
    let ids = namespace.make("get 7 100 0600");
    namespace.show(&["gc"]);
    assert!(registry.exists(), "it holds a segment");
    let held = namespace.hold("get 7 100 0600 at remove");
    namespace.show(&["gc"]);
    assert!(registry.exists(), "a segment is attached");
    held.finish();
    let held = namespace.hold("get 8 100 0600 at dt remove");
    namespace.show(&["gc"]);
    assert!(registry.exists(), "it has a member");
    held.finish();
    let preview = namespace.show(&["gc", "--dry-run"]);
    assert!(
        preview.contains("would clear away the bookkeeping of"),
        "{preview}"
    );
    assert!(registry.exists());
    let output = namespace.show(&["gc"]);
    assert!(output.contains("which nobody uses, with "), "{output}");
    assert_eq!(fs::read_dir(namespace.dir()).unwrap().count(), 0);
    assert_ne!(namespace.make("get 7 100 0600"), ids[1..]);
}

/// An empty answer would leave open whether it was asked for the right thing.
#[test]
fn nothing_to_remove_is_said() {
    let namespace = Namespace::new();
    namespace.make("get 7 100 0600");
    let all = ["rm", "--all", "--yes"];
    assert!(namespace.show(&all).starts_with("removed segment "));
    assert_eq!(namespace.show(&all), "nothing to remove\n");
    assert!(namespace.show(&["ls", "--posix"]).starts_with("NAME "));
}

/// By such a name anybody can put something where private namespaces are made.
#[test]
fn gc_leaves_alone_what_others_planted() {
    let _sweeping = sweeping();
    let namespace = Namespace::new();
    namespace.make("get 1 1 0600");
    let home = crate::support::Place::new();
    let letter = home.join("letter");
    fs::write(&letter, "precious").unwrap();
    let planted = |name: &str| format!("/dev/shm/partage-private-{name}-{}", std::process::id());
    let (link, directory) = (planted("link"), planted("directory"));
    std::os::unix::fs::symlink(home.join(""), &link).unwrap();
    fs::create_dir(&directory).unwrap();
    // Only root can make a directory that is another's.
    let is_anothers = std::os::unix::fs::chown(&directory, Some(54_321), Some(54_321)).is_ok();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    fs::File::open(&directory)
        .unwrap()
        .set_modified(old)
        .unwrap();
    let stray = format!("{}/segment-999-1000", namespace.dir());
    fs::write(&stray, "x").unwrap();
    if is_anothers {
        std::os::unix::fs::chown(&stray, Some(54_321), Some(54_321)).unwrap();
    }
    let output = finish(partage(&["gc"]).env("PARTAGE_DIR", namespace.dir())).output;
    assert_eq!(Path::new(&stray).exists(), is_anothers, "{output}");
    for stays in [
        "stay: 1 stray file of other users: ",
        " of 54321: they remove them",
    ] {
        assert_eq!(output.contains(stays), is_anothers, "{stays} in {output}");
    }
    let left = (letter.exists(), Path::new(&directory).exists());
    let _ = fs::remove_dir(&directory);
    fs::remove_file(&link).unwrap();
    assert_eq!(left, (true, is_anothers), "{output}");
    assert!(!output.contains(&link), "{output}");
}

/// Objects by patterns, orphans and age; what stays is said, with the reason.
#[test]
fn objects_in_bulk() {
    let namespace = Namespace::new();
    namespace.make("posix /psm_1a2b 10 posix /psm_ffff 20 open /fastrtps_77_el posix /old 30");
    let held = namespace.hold("posix /psm_c0de 40");
    let old = fs::File::open(format!("{}/posix/old", namespace.dir())).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    drop(old);
    let preview = namespace.show(&["rm", "/psm_*", "--dry-run"]);
    for part in [
        "in use, stays: object /psm_c0de (40 B, Python SharedMemory)\n",
        "would remove object /psm_1a2b (10 B, Python SharedMemory)\n",
    ] {
        assert!(preview.contains(part), "{part} in\n{preview}");
    }
    let words = ["rm", "--orphans", "--older-than", "1h", "--yes"];
    let output = namespace.show(&words);
    assert!(output.contains("removed object /old (30 B)\n"), "{output}");
    assert_eq!(
        output.matches("used since (--older-than), stays").count(),
        4,
        "{output}"
    );
    let output = namespace.show(&["rm", "psm_[0-9]*", "--yes"]);
    assert_eq!(
        output,
        "removed object /psm_1a2b (10 B, Python SharedMemory)\n"
    );
    let (code, output) = namespace.partage(&["rm", "/none*", "--yes"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no object's name fits /none*"), "{output}");
    let output = namespace.show(&["rm", "--orphans", "--yes"]);
    assert!(
        output.contains("removed object /fastrtps_77_el (0 B, Fast-DDS lock)\n"),
        "{output}"
    );
    assert!(
        output.contains("in use, stays: object /psm_c0de"),
        "{output}"
    );
    held.finish();
    assert_eq!(
        outcome(&["rm", "--older-than", "soon", "--orphans"]).0,
        Some(2)
    );
    assert_eq!(outcome(&["rm", "--older-than", "1h"]).0, Some(2));
}

/// What is another user's stays until it is asked for.
#[test]
fn what_others_own_stays() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let namespace = Namespace::new();
    namespace.make("posix /theirs 10");
    let file = format!("{}/posix/theirs", namespace.dir());
    std::os::unix::fs::chown(&file, Some(65534), Some(65534)).unwrap();
    let output = namespace.show(&["rm", "--orphans", "--yes"]);
    assert_eq!(
        output,
        "not yours (--all-users takes it too), stays: object /theirs (10 B)\nnothing to remove\n"
    );
    namespace.show(&["rm", "--orphans", "--all-users", "--yes"]);
    assert!(!Path::new(&file).exists());
}
