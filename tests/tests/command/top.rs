//! `partage top` without a terminal: what it says of what it sees, and of what it does not.

use crate::fixture::Namespace;
use crate::support::{finish, partage};
use serde_json::Value;
use std::os::unix::process::CommandExt;

/// Memory without a name is told apart, although names do not tell it: nothing has grown at the first look.
#[test]
fn memory_of_one_name_is_told_apart() {
    let namespace = Namespace::new();
    let name = format!("twice-{}", std::process::id());
    let steps = format!("memfd {name} 9000 write x memfd {name} 9000");
    let _held = namespace.hold(&steps);
    let output = partage(&["top", "--json"]).output().unwrap();
    let look: Value = serde_json::from_slice(&output.stdout).unwrap();
    let things = look["things"].as_array().unwrap().iter();
    let shown = format!("/memfd:{name}");
    let twins: Vec<&Value> = things.filter(|thing| thing["name"] == shown).collect();
    assert_eq!(twins.len(), 2, "{look}");
    for twin in &twins {
        assert_eq!(twin["growth"], 0, "{twin}");
    }
    assert_ne!(twins[0]["resident"], twins[1]["resident"]);
}

/// What others hold is not there for a user: that there may be more is said.
#[test]
fn what_may_not_be_looked_into_is_said() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let namespace = Namespace::new();
    let _held = namespace.hold("memfd unseen 10");
    let nobody = |words: &[&str]| finish(partage(words).uid(65534).gid(65534)).output;
    let text = nobody(&["top"]);
    let head = text.lines().next().unwrap();
    assert!(
        head.contains(" may not be looked into: run as root"),
        "{text}"
    );
    let look: Value = serde_json::from_str(&nobody(&["top", "--json"])).unwrap();
    assert!(look["unseen_processes"].as_u64() > Some(0), "{look}");
}

/// What cannot be measured is no number: of memory that a user has mapped and not open, only root is told how
/// much is in use. Its size is known to a page.
#[test]
fn unknown_memory_is_a_question_mark() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let namespace = Namespace::new();
    let name = format!("unmeasured-{}", std::process::id());
    let mut setpriv = std::process::Command::new("setpriv");
    setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    let directory = namespace.dir();
    std::fs::create_dir(&directory).unwrap();
    std::os::unix::fs::chown(&directory, Some(65534), Some(65534)).unwrap();
    let _held = namespace.hold_under(setpriv, &format!("memfd {name} 9000 close"));
    let text = finish(partage(&["top"]).uid(65534).gid(65534)).output;
    let row = text.lines().find(|line| line.contains(&name)).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[..3], ["?", "-", "12KiB"], "{text}");
}
