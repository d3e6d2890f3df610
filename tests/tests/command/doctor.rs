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
    // The index follows the header's page and a page of words.
    file.write_all_at(&vec![0; 64 << 10], 8192).unwrap();
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
        ended.output.contains("note     /dev/shm has 64 MiB"),
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

/// Limits of the kernel that orphans have used up, and the command that frees them.
#[test]
fn used_up_limits_of_the_kernel() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root has an IPC namespace of its own");
        return;
    }
    let command = crate::support::built().command().display().to_string();
    let script = format!(
        "sysctl -qw kernel.shmmni=5; for i in 1 2 3 4 5; do ipcmk -M 4096 >/dev/null; done
        {command} doctor --backend kernel --json >said; echo status $?
        {command} doctor --backend kernel
        setpriv --reuid=65534 --clear-groups {command} doctor
        sysctl -qw kernel.shmmni=0; {command} doctor; sysctl -qw kernel.shmmni=6
        setpriv --reuid=65534 --clear-groups ipcmk -M 4096 >/dev/null; {command} doctor
        {command} rm --user nobody --backend kernel --orphans --yes
        {command} rm --backend kernel --orphans --yes && {command} doctor --backend kernel"
    );
    let place = Place::new();
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-i", "sh", "-c", &script])
        .current_dir(place.join(""));
    let output = finish(&mut unshare).output;
    let said = std::fs::read_to_string(place.join("said")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    let limits = value.as_array().unwrap().iter();
    let finding = limits
        .clone()
        .find(|finding| finding["check"] == "kernel-limits")
        .unwrap();
    assert_eq!(finding["verdict"], "problem");
    assert_eq!(finding["command"], "partage rm --backend kernel --orphans");
    for part in [
        "status 1\n",
        "PROBLEM  the kernel makes no segment any more",
        "PROBLEM  kernel.shmmni is used up: 5 of 5 segments; 5 orphans of 20 KiB (nobody is attached), all of root\n",
        "good     the kernel has System V shared memory",
        // Others' orphans only root removes, and where that is not enough it is no advice.
        "ENOSPC: remove the orphans, as root\n           partage rm --backend kernel --orphans --all-users\n",
        "5 of 0 segments; 5 orphans of 20 KiB (nobody is attached), all of root\n         \
         shmget fails with ENOSPC: raise the limit\n           sysctl -w kernel.shmmni=10\n",
        "ENOSPC: remove the orphans\n           partage rm --backend kernel --orphans --all-users\n",
        "good     the kernel's limits are far: 0 of 6 segments, 0 B of ",
    ] {
        assert!(output.contains(part), "{part} in\n{output}");
    }
}

/// The limits of a namespace likewise.
#[test]
fn used_up_limits_of_a_namespace() {
    let namespace = Namespace::new();
    let dir = namespace.dir();
    let words = [
        "run", "--dir", &dir, "--limits", "shmmni=1", "--", "ipcmk", "-M", "4096",
    ];
    assert_eq!(outcome(&words).0, Some(0));
    let (code, text) = namespace.partage(&["doctor"]);
    assert_eq!(code, Some(1), "{text}");
    let what = format!("PROBLEM  shmmni of {dir} is used up: 1 of 1 segments; 1 orphan of 4 KiB");
    assert!(text.contains(&what), "{text}");
    assert!(
        text.contains(&format!("  partage rm --orphans --dir {dir}\n")),
        "{text}"
    );
}

/// A full /dev/shm, by whom, and memory that no name leads to.
#[test]
fn full_shared_memory_directory() {
    let script = format!(
        "mount -t tmpfs -o size=1m none /dev/shm
        head -c 300000 /dev/zero >/dev/shm/psm_11
        exec 9<>/dev/shm/gone; head -c 400000 /dev/zero >&9; rm /dev/shm/gone
        head -c 900000 /dev/zero >/dev/shm/rest 2>/dev/null
        {}; echo status $?",
        doctor("")
    );
    let mut unshare = Command::new("unshare");
    let output = finish(unshare.args(["-mr", "sh", "-c", &script])).output;
    for part in [
        "PROBLEM  /dev/shm has 1 MiB, 0 B free: it is full; the largest: ",
        " /gone, unlinked (sh ",
        " /psm_11 (orphan of root)",
        "           partage rm --orphans --posix --all-users\n",
        "in 1 object that is unlinked, most of it /gone held by sh ",
        "status 1\n",
    ] {
        assert!(output.contains(part), "{part} in\n{output}");
    }
}

/// What fills it may be in a namespace there, and a user does not see all of it.
#[test]
fn shared_memory_directory_full_of_segments() {
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let command = crate::support::built().command().display().to_string();
    let tool = crate::fixture::tool().display();
    let script = format!(
        "mount -t tmpfs -o size=2m,mode=1777 none /dev/shm; mount -t tmpfs none /mnt
        head -c 1200000 /dev/zero >/mnt/zeros
        {command} run -- {tool} get 7 1200000 0600 >/dev/null; {command} cp /mnt/zeros shm:0x7
        exec 9<>/dev/shm/gone; cat /mnt/zeros >&9 2>/dev/null; rm /dev/shm/gone
        {command} doctor; echo --; setpriv --reuid=65534 --clear-groups {command} doctor 9>&-"
    );
    let mut unshare = Command::new("unshare");
    unshare
        .args(["-m", "sh", "-c", &script])
        .env_remove("PARTAGE_DIR");
    let output = finish(&mut unshare).output;
    let (root, nobody) = output.split_once("--\n").unwrap();
    for part in [
        "it is full; the largest: 1.1 MiB segment ",
        " of /dev/shm/partage-0 (orphan of root); ",
        " /gone, unlinked (sh ",
        "orphans have 1.1 MiB\n           partage rm --orphans --all-users --dir /dev/shm/partage-0\n",
    ] {
        assert!(root.contains(part), "{part} in\n{output}");
    }
    for part in [
        "it is full; the largest: 2 MiB in other files, or not to be seen here\n",
        "see who holds what, as root\n",
    ] {
        assert!(nobody.contains(part), "{part} in\n{output}");
    }
}

/// The directory is judged as who would use it, and wrong values of variables are said.
#[test]
fn as_another_user_and_wrong_variables() {
    let ended = finish(
        partage(&["doctor"])
            .env("PARTAGE_BACKEND", "knl")
            .env("PARTAGE_SHMMNI", "many"),
    );
    assert_eq!(ended.code(), Some(1));
    for part in [
        "PROBLEM  PARTAGE_BACKEND is `knl`, which means nothing to it\n",
        "PROBLEM  PARTAGE_SHMMNI is `many`",
        "           unset PARTAGE_SHMMNI\n",
    ] {
        assert!(ended.output.contains(part), "{part} in\n{}", ended.output);
    }
    // `run` says them too, and what the library can read is right: hexadecimal numbers, for one.
    let mut run = partage(&["run", "--", "true"]);
    let ended = finish(
        run.env("PARTAGE_SHMMNI", "many")
            .env("PARTAGE_SHMALL", "0x10"),
    );
    assert_eq!(ended.code(), Some(0));
    assert_eq!(
        ended.output,
        "partage: warning: PARTAGE_SHMMNI is `many`, which means nothing to it: it may be a number up to 32768; \
         as it is, the default counts\n"
    );
    // SAFETY: reads the effective user id.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can act as somebody else");
        return;
    }
    let script = format!(
        "mount -t tmpfs -o mode=755 none /dev/shm && {} && {}",
        doctor("--user nobody"),
        doctor("--user nosuchuser")
    );
    let mut unshare = Command::new("unshare");
    let output = finish(unshare.args(["-m", "sh", "-c", &script])).output;
    let what = "note     /dev/shm cannot be written to by nobody: Permission denied";
    assert!(output.contains(what), "{output}");
    assert!(output.contains("there is no user nosuchuser"), "{output}");
}
