//! Settings of the machine that get in the way of shared memory, and surroundings that are known
//! to be special.

use super::finding::Finding;
use crate::output::format::{self, printable};
use nix::unistd::{AccessFlags, Uid, access};
use std::fs;
use std::path::Path;

/// Below this, users are the system's own, whose things logind leaves alone.
const FIRST_USER: u32 = 1000;

pub(super) fn look() -> Vec<Finding> {
    let found = [
        remove_ipc(),
        protected_regular(),
        tracer(),
        android(),
        memory_cgroup(),
    ];
    found.into_iter().flatten().chain(variables()).collect()
}

/// logind removes what a user has in shared memory when his last session ends.
fn remove_ipc() -> Option<Finding> {
    let me = Uid::effective().as_raw();
    let runs = Path::new("/run/systemd/seats").exists() || Path::new("/run/systemd/users").exists();
    if !runs || me < FIRST_USER || is_switched_off(&configuration()) {
        return None;
    }
    Some(removed_by_logind())
}

pub(super) fn removed_by_logind() -> Finding {
    Finding::note(
        "systemd-logind removes this user's segments and objects in /dev/shm when his last \
         session ends (RemoveIPC)",
        "services started by ssh or cron lose them: switch it off",
        "mkdir -p /etc/systemd/logind.conf.d && printf '[Login]\\nRemoveIPC=no\\n' \
         >/etc/systemd/logind.conf.d/ipc.conf && systemctl restart systemd-logind",
    )
    .about("remove-ipc")
}

/// logind's files, those last that count most.
fn configuration() -> String {
    let mut text = String::new();
    let mut add = |path: &Path| text += &fs::read_to_string(path).unwrap_or_default();
    add(Path::new("/usr/lib/systemd/logind.conf"));
    add(Path::new("/etc/systemd/logind.conf"));
    for directory in [
        "/usr/lib/systemd/logind.conf.d",
        "/etc/systemd/logind.conf.d",
    ] {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| add(path));
    }
    text
}

/// The last word counts; without one it is on.
fn is_switched_off(configuration: &str) -> bool {
    let lines = configuration.lines().map(str::trim);
    let mut values = lines.filter_map(|line| line.strip_prefix("RemoveIPC="));
    let last = values
        .next_back()
        .map(|value| value.trim().to_ascii_lowercase());
    matches!(
        last.as_deref(),
        Some("no" | "false" | "off" | "0" | "n" | "f")
    )
}

fn protected_regular() -> Option<Finding> {
    let level = fs::read_to_string("/proc/sys/fs/protected_regular").ok()?;
    if level.trim() == "0" {
        return None;
    }
    Some(protected())
}

pub(super) fn protected() -> Finding {
    Finding::note(
        "opening another user's object with O_CREAT fails with EACCES in /dev/shm, for root too \
         (fs.protected_regular)",
        "open without O_CREAT what exists, or switch it off",
        "sysctl -w fs.protected_regular=0",
    )
    .about("protected-regular")
}

/// Somebody who sees each system call: proot, a debugger, strace.
fn tracer() -> Option<Finding> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))?;
    let pid: i32 = line.trim().parse().ok()?;
    if pid == 0 {
        return None;
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = name.trim_end();
    let is_proot = is_in_proot() || name.starts_with("proot");
    Some(traced(name, pid, is_proot))
}

pub(super) fn traced(name: &str, pid: i32, is_proot: bool) -> Finding {
    let finding = match is_proot {
        true => Finding::remark(
            "this runs under proot, which answers system calls in the kernel's place",
            "the library does without what proot does otherwise; see docs/android.md",
        ),
        false => Finding::remark(
            format!("this is traced by {} ({pid})", printable(name)),
            "only what is measured here is slower than it would be",
        ),
    };
    finding.about("tracer")
}

fn is_in_proot() -> bool {
    std::env::var_os("PROOT_TMP_DIR").is_some() || std::env::var_os("PROOT_NO_SECCOMP").is_some()
}

fn android() -> Option<Finding> {
    let is_android =
        Path::new("/system/build.prop").exists() || std::env::var_os("ANDROID_ROOT").is_some();
    let directory = std::env::var_os("TMPDIR").filter(|directory| {
        let wanted = AccessFlags::W_OK | AccessFlags::X_OK;
        access(Path::new(directory), wanted).is_ok()
    });
    is_android.then(|| on_android(directory.is_some()))
}

/// Of an app, and of the shell that adb(1) gives.
pub(super) fn on_android(has_directory: bool) -> Finding {
    let what = "this is Android: no System V calls, no /dev/shm";
    let finding = match has_directory {
        true => Finding::remark(what, "namespaces and objects are in TMPDIR"),
        false => Finding::note(
            what,
            "set TMPDIR to a directory of the app's own; see docs/android.md",
            "export TMPDIR=\"${HOME:-/data/local}/tmp\"; [ -w \"$HOME\" ] || TMPDIR=/data/local/tmp; \
             mkdir -p \"$TMPDIR\"",
        ),
    };
    finding.about("android")
}

/// Shared memory counts against the limit of the control group of who touches it first.
fn memory_cgroup() -> Option<Finding> {
    let number = |name: &str| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let (limit, used) = (number("memory.max")?, number("memory.current")?);
    (used > limit - limit / 20).then(|| memory_used_up(used, limit))
}

pub(super) fn memory_used_up(used: u64, limit: u64) -> Finding {
    Finding::problem(
        format!(
            "the memory of this control group is used up: {} of {}",
            format::size(used),
            format::size(limit)
        ),
        "touching new shared memory kills programs (SIGKILL, SIGBUS): see what has it, or raise \
         the limit",
        "partage ls --all-memory --sort resident",
    )
    .about("memory-limit")
}

/// Values of `PARTAGE_*` that mean nothing.
fn variables() -> impl Iterator<Item = Finding> {
    crate::variables::wrong().into_iter().map(|wrong| {
        let command = format!("unset {}", wrong.name);
        Finding::problem(wrong.what(), wrong.advice(), command).about("variables")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_word_of_the_configuration_counts() {
        assert!(!is_switched_off(""));
        assert!(!is_switched_off("#RemoveIPC=no\n"));
        assert!(is_switched_off("[Login]\nRemoveIPC=no\n"));
        assert!(!is_switched_off("RemoveIPC=no\nRemoveIPC=yes\n"));
    }
}
