//! `partage dump` and `partage cp`: looking into segments and saving them.

use crate::fixture::Namespace;
use crate::support::{Place, finish, outcome, partage};
use std::fs;
use std::io::Read;
use std::process::Stdio;

#[test]
fn hex_dump_is_hexdumps() {
    let namespace = Namespace::new();
    let held = namespace.hold("get 1 100 0600 at write hello");
    let id = held.ids[0].as_str();
    let dump = namespace.show(&["dump", "--hex", id]);
    let wanted = "\
00000000  68 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hello...........|
00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000060  00 00 00 00                                       |....|
00000064
";
    assert_eq!(dump, wanted);
    let part = namespace.show(&["dump", "--hex", "--offset", "1", "--length", "3", id]);
    assert_eq!(
        part.lines().next().unwrap(),
        "00000001  65 6c 6c                                          |ell|"
    );
    assert_eq!(
        namespace.show(&["dump", "--offset", "1", "--length", "4", id]),
        "ello"
    );
    assert_eq!(namespace.show(&["dump", "--offset", "1K", id]), "");
}

/// Nobody's nattch changes, and no time.
#[test]
fn looking_is_not_attaching() {
    let namespace = Namespace::new();
    let id = namespace.make("get 1 100 0600")[0].clone();
    let before = namespace.show(&["stat", &id, "--json"]);
    namespace.show(&["dump", "--hex", &id]);
    namespace.show(&["ls", "-p"]);
    assert_eq!(namespace.show(&["stat", &id, "--json"]), before);
}

#[test]
fn saved_and_brought_back() {
    let namespace = Namespace::new();
    let place = Place::new();
    let file = place.join("saved");
    let file = file.to_str().unwrap();
    let held = namespace.hold("get 1 100000 0600 at write precious posix /object 100000");
    let segment = format!("shm:{}", held.ids[0]);
    assert_eq!(
        namespace.show(&["cp", &segment, file]),
        "copied 100000 bytes\n"
    );
    let bytes = fs::read(file).unwrap();
    assert_eq!((bytes.len(), &bytes[..9]), (100_000, &b"precious\0"[..]));
    namespace.show(&["cp", file, "shm:/object"]);
    assert!(namespace.show(&["dump", "--length", "8", "/object"]) == "precious");
    fs::write(file, vec![1; 100_001]).unwrap();
    let (code, output) = namespace.partage(&["cp", file, "shm:0x1"]);
    assert_eq!(code, Some(1));
    assert!(
        output.contains("has 100001 bytes, and the segment with key 0x00000001 room for 100000")
    );
}

#[test]
fn directions_that_make_no_sense() {
    for (from, to) in [
        ("a", "b"),
        ("shm:1", "shm:2"),
        ("shm:", "b"),
        ("shm:0x", "b"),
    ] {
        assert_eq!(outcome(&["cp", from, to]).0, Some(2), "{from} {to}");
    }
}

/// The reader decides how much it wants.
#[test]
fn closed_pipe_is_no_failure() {
    let namespace = Namespace::new();
    let id = namespace.make("get 1 10000000 0600")[0].clone();
    let mut command = partage(&["dump", "--dir", &namespace.dir(), &id]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [1; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    child.wait().unwrap();
    assert_eq!((first, errors.as_str()), ([0; 10], ""));
}

/// What the file's mode forbids stays closed.
#[test]
fn permission_is_the_segments() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    use std::os::unix::process::CommandExt;
    let namespace = Namespace::new();
    assert_eq!(
        outcome(&["init", &namespace.dir(), "--mode", "1777"]).0,
        Some(0)
    );
    let id = namespace.make("get 1 100 0600")[0].clone();
    let mut command = partage(&["dump", "--hex", "--dir", &namespace.dir(), &id]);
    let ended = finish(command.uid(65534).gid(65534));
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.output.contains("ermission denied"),
        "{}",
        ended.output
    );
}
