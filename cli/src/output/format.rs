//! Numbers and names as people read them.

use crate::model::{Attachment, Segment};
use nix::unistd::{Gid, Group, Uid, User};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes in at most five characters: `512`, `4.0K`, `100M`. Powers of 1024, rounded up so that
/// nothing looks smaller than it is.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: &[u8] = b"KMGTPE";
    let mut unit = None;
    let mut divisor: u128 = 1;
    let bytes = u128::from(bytes);
    for letter in UNITS {
        if bytes.div_ceil(divisor) < 1024 {
            break;
        }
        divisor <<= 10;
        unit = Some(char::from(*letter));
    }
    let Some(unit) = unit else {
        return bytes.to_string();
    };
    let tenths = (bytes * 10).div_ceil(divisor);
    match tenths {
        0..100 => format!("{}.{}{unit}", tenths / 10, tenths % 10),
        _ => format!("{}{unit}", bytes.div_ceil(divisor)),
    }
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
    let access = if attachment.read_only {
        "read-only"
    } else {
        "read-write"
    };
    match attachment.mappings {
        0 | 1 => access.to_owned(),
        several => format!("{access}, {several} mappings"),
    }
}

/// A name from outside, with what could confuse a terminal made visible.
pub(crate) fn printable(name: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    name.chars().map(shown).collect()
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
    fn sizes_never_look_smaller() {
        let shown = [
            0,
            1023,
            1024,
            1025,
            10 << 10,
            (10 << 10) + 1,
            1 << 20,
            1 << 40,
        ];
        let wanted = ["0", "1023", "1.0K", "1.1K", "10K", "11K", "1.0M", "1.0T"];
        assert_eq!(shown.map(size), wanted.map(String::from));
        assert_eq!(size((1 << 20) - 1), "1.0M");
        assert_eq!(size(u64::MAX), "16E");
    }

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
