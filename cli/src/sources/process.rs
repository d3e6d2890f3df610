//! What `/proc` tells of a process.

use nix::errno::Errno;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// What the process runs; empty when that cannot be told.
pub(crate) fn command_of(pid: i32) -> String {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    String::from_utf8_lossy(name).into_owned()
}

/// The processes that can be seen, in ascending order.
pub(super) fn all() -> Vec<i32> {
    numbers_in("/proc")
}

/// Whether `/proc` lists every process of the machine: those outside of another pid namespace than
/// the first it does not, nor those of others where it is mounted with `hidepid`.
pub(super) fn all_are_listed() -> bool {
    const FIRST: u64 = 0xefff_fffc;
    namespace("self", "pid") == Some(FIRST) && Path::new("/proc/1").exists()
}

/// The threads of a process, in ascending order.
pub(super) fn threads(pid: i32) -> Vec<i32> {
    numbers_in(&format!("/proc/{pid}/task"))
}

/// A directory's entries that are numbers.
pub(super) fn numbers_in(directory: &str) -> Vec<i32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut numbers: Vec<i32> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

/// What `stat` says, which everybody may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// Whether it has ended: a process may still have threads.
    pub(super) has_ended: bool,
    /// Whether it is a thread of the kernel's, which has no memory.
    pub(super) is_kernel: bool,
    /// When it was started, in clock ticks since the boot.
    ticks: u64,
}

/// Of a process, `4711`, or a thread, `4711/task/4712`.
pub(super) fn stat(who: &str) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{who}/stat")).ok()?)
}

/// `PID (COMMAND) STATE PPID ...`: the command may hold anything, parentheses too.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let flags: u64 = fields.nth(5)?.parse().ok()?;
    let ticks = fields.nth(12)?.parse().ok()?;
    Some(Stat {
        has_ended: matches!(state, "Z" | "X" | "x"),
        is_kernel: flags & KERNEL_THREAD != 0,
        ticks,
    })
}

/// Whether the process was there at `moment`, in seconds since the epoch: one that was started
/// later has the number of one that has ended. The boot's time is known to a second only.
pub(super) fn was_there(pid: i32, moment: i64) -> bool {
    let started = stat(&pid.to_string()).and_then(|stat| Some(boot_time()? + seconds(stat.ticks)));
    started.is_some_and(|started| started <= moment + 1)
}

fn seconds(ticks: u64) -> i64 {
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let per_second = per_second.ok().flatten().unwrap_or(100).max(1);
    i64::try_from(ticks).unwrap_or(i64::MAX) / per_second
}

fn boot_time() -> Option<i64> {
    static TIME: OnceLock<Option<i64>> = OnceLock::new();
    *TIME.get_or_init(|| {
        let text = fs::read_to_string("/proc/stat").ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse()
            .ok()
    })
}

/// The number that the process has in the innermost pid namespace that it is in.
pub(super) fn inner_pid(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    // Without the line the kernel has no pid namespaces.
    line.map_or(Some(pid), |line| {
        line.split_ascii_whitespace().next_back()?.parse().ok()
    })
}

/// Who tells of a process: itself, or a thread that lives where the main thread has ended, since
/// that one tells nothing more; `None` where there is nobody.
pub(super) fn teller(pid: i32) -> Option<String> {
    let who = pid.to_string();
    let stat = stat(&who)?;
    if stat.is_kernel {
        return None;
    }
    if !stat.has_ended {
        return Some(who);
    }
    let threads = threads(pid).into_iter();
    let mut names = threads.map(|thread| format!("{pid}/task/{thread}"));
    names.find(|name| self::stat(name).is_some_and(|stat| !stat.has_ended))
}

/// The number of a namespace that a process or a thread is in, where that may be asked.
pub(super) fn namespace(who: &str, kind: &str) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(format!("/proc/{who}/ns/{kind}"))
        .ok()
        .map(|data| data.ino())
}

/// The namespaces that matter here, of which it is in others than this process.
pub(super) fn foreign_namespaces(who: &str) -> BTreeMap<&'static str, u64> {
    let kinds = ["ipc", "mnt", "pid"].into_iter();
    let theirs = kinds.filter_map(|kind| Some((kind, namespace(who, kind)?)));
    theirs
        .filter(|(kind, number)| namespace("self", kind).is_some_and(|own| own != *number))
        .collect()
}

/// The container that the process is in, and this one is not, by the path of its control group.
pub(super) fn container(pid: i32) -> Option<String> {
    let of = |who: &str| fs::read_to_string(format!("/proc/{who}/cgroup")).unwrap_or_default();
    let groups = of(&pid.to_string());
    let found = groups.lines().find_map(container_in)?;
    (!of("self")
        .lines()
        .any(|line| container_in(line) == Some(found)))
    .then(|| found.chars().take(CONTAINER_LENGTH).collect())
}

/// So much of a container's id the tools of containers show.
const CONTAINER_LENGTH: usize = 12;

/// `0::/system.slice/docker-0123....scope`, `/kubepods/.../cri-containerd-0123....scope`,
/// `/docker/0123...`, `/lxc.payload.web/...`, `/machine.slice/machine-web.scope`.
fn container_in(line: &str) -> Option<&str> {
    let path = line.splitn(3, ':').nth(2)?;
    path.split('/').rev().find_map(|part| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        let named = ["lxc.payload.", "machine-"];
        if let Some(name) = named.iter().find_map(|start| part.strip_prefix(start)) {
            return Some(name);
        }
        let id = part.rsplit(['-', ':']).next()?;
        let is_id = id.len() >= 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then_some(id)
    })
}

/// Whether two threads have one table of descriptors; when that cannot be told, they have.
pub(super) fn share_descriptors(one: i32, other: i32) -> bool {
    const KCMP_FILES: libc::c_int = 2;
    // SAFETY: kcmp(2) takes numbers only.
    let answer = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) };
    answer <= 0
}

/// Whether an error says that this user may not look.
pub(super) fn is_refusal(why: &std::io::Error) -> bool {
    matches!(
        why.raw_os_error().map(Errno::from_raw),
        Some(Errno::EACCES | Errno::EPERM)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_a_process() {
        let line = b"4711 (a) b (c) S 1 2 3 4 5 4194304 7 8 9 10 11 12 13 14 15 16 17 18 9999 20";
        let stat = parse_stat(line).unwrap();
        assert_eq!(
            (stat.has_ended, stat.is_kernel, stat.ticks),
            (false, false, 9999)
        );
        assert!(
            parse_stat(b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3")
                .unwrap()
                .is_kernel
        );
        assert!(parse_stat(b"").is_none());
    }

    #[test]
    fn this_process_was_there_and_is_not_from_the_past() {
        let me = std::process::id().cast_signed();
        assert!(was_there(me, crate::output::format::now()));
        assert!(!was_there(me, 1000));
        assert_eq!(inner_pid(me), Some(me));
    }

    #[test]
    fn containers_by_their_control_groups() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for path in [
            format!("0::/system.slice/docker-{id}.scope"),
            format!("12:memory:/docker/{id}"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope/init"),
            format!("0::/user.slice/libpod-{id}.scope/container"),
        ] {
            assert_eq!(container_in(&path), Some(id), "{path}");
        }
        assert_eq!(container_in("0::/lxc.payload.web/init.scope"), Some("web"));
        assert_eq!(
            container_in("0::/machine.slice/machine-db.scope"),
            Some("db")
        );
        assert_eq!(
            container_in("0::/user.slice/user-1000.slice/session-2.scope"),
            None
        );
    }
}
