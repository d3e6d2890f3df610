//! Numbers and names as people read them.

use crate::model::{Attachment, Segment};
use nix::unistd::{Gid, Group, Uid, User};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use partage_report::size;

/// The same as one word, for tables: scripts split their lines at blanks and count columns.
pub(crate) fn size_in_table(bytes: u64) -> String {
    size(bytes).replace(' ', "")
}

/// `1 segment`, `2 segments`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// A key as ipcs shows it.
pub(crate) fn key(key: i32) -> String {
    format!("0x{key:08x}")
}

/// Permission bits in octal, as chmod(1) takes them.
pub(crate) fn mode(mode: u32) -> String {
    format!("{:03o}", mode & 0o777)
}

/// The user's name, or the number without one.
pub(crate) fn user(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

/// The group's name, or the number without one.
pub(crate) fn group(gid: u32) -> String {
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    group.map_or_else(|| gid.to_string(), |group| group.name)
}

/// `removed`, `locked`, both, or a dash.
pub(crate) fn status(segment: &Segment) -> String {
    let removed = segment.is_removed().then_some("removed");
    let locked = (segment.mode & crate::model::LOCKED != 0).then_some("locked");
    match (removed, locked) {
        (Some(one), Some(other)) => format!("{one},{other}"),
        (one, other) => one.or(other).unwrap_or("-").to_owned(),
    }
}

/// What the attachment allows, and whether parts of it were unmapped.
pub(crate) fn access(attachment: &Attachment) -> String {
    let access = match (attachment.private, attachment.read_only) {
        (true, _) => "private",
        (false, true) => "read-only",
        (false, false) => "read-write",
    };
    let lock = if attachment.locked { ", locked" } else { "" };
    match (attachment.mappings, attachment.descriptor) {
        (_, Some(descriptor)) => format!("{access}, open as {descriptor}{lock}"),
        (0 | 1, None) => access.to_owned(),
        (several, None) => format!("{access}, {several} mappings"),
    }
}

/// Where it is mapped, if it is.
pub(crate) fn place(attachment: &Attachment) -> String {
    match attachment.mappings {
        0 => "-".to_owned(),
        _ => format!("{:#x}", attachment.address),
    }
}

/// The process, or a question mark for one that cannot be seen.
pub(crate) fn pid(attachment: &Attachment) -> String {
    let pid = attachment.pid;
    pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string())
}

/// What it runs, likewise.
pub(crate) fn command(attachment: &Attachment) -> String {
    match attachment.command.as_str() {
        "" => "?".to_owned(),
        command => printable(command),
    }
}

/// The namespaces that the process is in, and this one is not, as lsns(8) numbers them.
pub(crate) fn namespaces(attachment: &Attachment) -> Option<String> {
    let named = attachment.namespaces.iter();
    let named: Vec<String> = named
        .map(|(kind, number)| format!("{kind}:{number}"))
        .collect();
    (!named.is_empty()).then(|| named.join(","))
}

/// Each process once, the first few of them; a question mark and their number for those that
/// cannot be seen, and alone where even that cannot be told.
pub(crate) fn pids(attached: &[Attachment], unseen: Option<u64>) -> String {
    /// So many are shown.
    const PIDS: usize = 6;
    let mut pids: Vec<i32> = attached.iter().filter_map(|hold| hold.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let mut parts: Vec<String> = pids.iter().take(PIDS).map(ToString::to_string).collect();
    if pids.len() > PIDS {
        parts.push(format!("+{}", pids.len() - PIDS));
    }
    match unseen {
        Some(0) => {}
        Some(number) => parts.push(format!("?{number}")),
        None => parts.push("?".to_owned()),
    }
    match parts.is_empty() {
        true => "-".to_owned(),
        false => parts.join(","),
    }
}

/// A name from outside, with what could confuse a terminal made visible.
pub(crate) fn printable(name: &str) -> String {
    crate::name::escaped(name.as_bytes())
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// How long ago `time` was, in its largest unit: `5s`, `3m`, `2h`, `9d`.
pub(crate) fn age(time: i64, now: i64) -> String {
    let seconds = now.saturating_sub(time).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// A moment in local time, or `never` for 0.
pub(crate) fn moment(time: i64) -> String {
    if time == 0 {
        return "never".to_owned();
    }
    // SAFETY: localtime_r fills `parts` from `time`, or returns null and leaves it as it is.
    let parts = unsafe {
        let mut parts = std::mem::zeroed::<libc::tm>();
        match libc::localtime_r(&raw const time, &raw mut parts).is_null() {
            true => None,
            false => Some(parts),
        }
    };
    match parts {
        Some(parts) => format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            i64::from(parts.tm_year) + 1900,
            parts.tm_mon + 1,
            parts.tm_mday,
            parts.tm_hour,
            parts.tm_min,
            parts.tm_sec
        ),
        None => format!("@{time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let shown = [1000, 999, 940, 0, -90_000].map(|time| age(time, 1000));
        assert_eq!(shown, ["0s", "1s", "1m", "16m", "1d"].map(String::from));
        assert_eq!(age(2000, 1000), "0s");
    }

    #[test]
    fn keys_are_as_ipcs_shows_them() {
        assert_eq!(key(0), "0x00000000");
        assert_eq!(key(-1), "0xffffffff");
    }
}
