//! `partage doctor`: what it finds, and what it can put right.

use crate::fixture::Namespace;
use crate::support::{Place, finish, outcome, partage};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::process::Command;

#[test]
fn healthy_system_and_namespace() {
    let namespace = Namespace::new();
    let _held = namespace.hold("get 1 100 0600 at");
    let text = namespace.show(&["doctor"]);
    for part in [
        "good     /dev/shm has ",
        "good     the preload reaches programs: ",
        &format!(
            "good     the namespace is {}, with 1 living member\n",
            namespace.dir()
        ),
        &format!("good     the liveness lock holds in {}\n", namespace.dir()),
        "good     every invariant of the registry holds\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

/// The key index is derived: damage to it is found, and computed away.
#[test]
fn damaged_index_is_found_and_repaired() {
    let namespace = Namespace::new();
    let ids = namespace.make("get 0x77 100 0600 get 0x78 100 0600");
    let path = format!("{}/registry", namespace.dir());
    let file = OpenOptions::new().write(true).open(path).unwrap();
    // The index follows the first page.
    file.write_all_at(&vec![0; 256 << 10], 4096).unwrap();
    let (code, text) = namespace.partage(&["doctor"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("PROBLEM  the segment in slot"), "{text}");
    assert!(
        text.contains("cannot be found by its key 0x00000077"),
        "{text}"
    );
    assert!(text.contains("--repair"), "{text}");
    let text = namespace.show(&["doctor", "--repair"]);
    assert!(text.contains("repaired: 2 faults put right"), "{text}");
    assert_eq!(namespace.make("get 0x77 100 0600"), ids[..1]);
}

#[test]
fn programs_that_the_preload_cannot_reach() {
    let place = Place::new();
    let program = place.compile("static", "int main(void) { return 0; }", &["-static"]);
    let namespace = Namespace::new();
    namespace.make("get 1 1 0600");
    let (code, text) = namespace.partage(&["doctor", "--program", program.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(text.contains("it is statically linked"), "{text}");
    let text = namespace.show(&["doctor", "--program", "/bin/sh"]);
    assert!(text.contains("the preload would reach /bin/sh"), "{text}");
}

#[test]
fn library_that_does_not_load() {
    let place = Place::new();
    let fake = place.join("libpartage.so");
    std::fs::write(&fake, "no library").unwrap();
    let ended = finish(partage(&["doctor"]).env("PARTAGE_LIB", &fake));
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.output.contains("does not get into programs"),
        "{}",
        ended.output
    );
}

#[test]
fn kernel_without_system_v() {
    let (code, text) = outcome(&[
        "run",
        "--without-kernel-sysv",
        "--",
        "sh",
        "-c",
        &doctor("--json"),
    ]);
    assert_eq!(code, Some(0), "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(
        value[0]["what"]
            .as_str()
            .unwrap()
            .contains("the kernel has no System V"),
        "{text}"
    );
    assert_eq!(value[0]["verdict"], "good");
}

/// A container's `/dev/shm`.
#[test]
fn small_shared_memory_directory() {
    let script = format!("mount -t tmpfs -o size=64m none /dev/shm && {}", doctor(""));
    let mut unshare = Command::new("unshare");
    let ended = finish(unshare.args(["-mr", "sh", "-c", &script]));
    assert!(
        ended.output.contains("note     /dev/shm has 64M"),
        "{}",
        ended.output
    );
    assert!(ended.output.contains("--shm-size"), "{}", ended.output);
}

/// overlayfs: the lock is lost with the descriptor, and doctor says so.
#[test]
fn file_system_whose_mappings_keep_no_lock() {
    let script = format!(
        "mount -t tmpfs none /mnt && cd /mnt && mkdir low up work all &&
        mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work all &&
        {}",
        doctor("--dir /mnt/all")
    );
    let mut unshare = Command::new("unshare");
    let ended = finish(unshare.args(["-mr", "sh", "-c", &script]));
    if ended.output.contains("mount: ") {
        eprintln!("skipped: no overlayfs here: {}", ended.output);
        return;
    }
    assert!(
        ended.output.contains("the liveness lock"),
        "{}",
        ended.output
    );
    assert!(!ended.output.contains("PROBLEM"), "{}", ended.output);
}

fn doctor(words: &str) -> String {
    format!(
        "{} doctor {words}",
        crate::support::built().command().display()
    )
}
