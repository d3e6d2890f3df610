//! A process without privileges, with one user and one group throughout, cannot become another user: it is asked for
//! its identity once. A process that can change is asked each time. When it is found to have changed, it may be one
//! that cannot change any more. Tested by `c_tests/process/costs.c` and `users.c`.

use super::arch::syscall;
use super::capabilities;
use crate::sync::{AtomicU64, Ordering};

/// The identity, user in the low half, once it is known to be fixed.
static FIXED: AtomicU64 = AtomicU64::new(NOT_FIXED);
/// The user at the time of the last look at whether the identity is fixed.
static LOOKED_AS: AtomicU64 = AtomicU64::new(NOT_FIXED);

/// Nobody: -1 is neither a user nor a group.
const NOT_FIXED: u64 = u64::MAX;

const SETGID: u32 = 6;
const SETUID: u32 = 7;

/// User and group of a process that cannot change them.
pub(super) fn get() -> Option<(u32, u32)> {
    match FIXED.load(Ordering::Relaxed) {
        NOT_FIXED => None,
        both => Some((both as u32, (both >> 32) as u32)),
    }
}

/// The process was found to be `euid`. If it was not checked as this user before, checks whether it must stay this
/// user.
pub(super) fn note(euid: u32) -> u32 {
    if LOOKED_AS.swap(u64::from(euid), Ordering::Relaxed) != u64::from(euid)
        && let Some(egid) = must_stay(euid)
    {
        FIXED.store(u64::from(euid) | u64::from(egid) << 32, Ordering::Relaxed);
    }
    euid
}

/// The group, if neither user nor group can change: without the capabilities to, a process can only take its real,
/// effective or saved ids, and here they are the same.
fn must_stay(euid: u32) -> Option<u32> {
    let [permitted, _] = capabilities::capget().and_then(|sets| {
        sets.get(1..3)
            .and_then(|sets| <[u32; 2]>::try_from(sets).ok())
    })?;
    if permitted & (1 << SETUID | 1 << SETGID) != 0 {
        return None;
    }
    let users = three_ids(USERS)?;
    let groups = three_ids(GROUPS)?;
    let [egid, ..] = groups;
    (users == [euid; 3] && groups == [egid; 3]).then_some(egid)
}

#[cfg(target_pointer_width = "64")]
const USERS: libc::c_long = libc::SYS_getresuid;
#[cfg(target_pointer_width = "64")]
const GROUPS: libc::c_long = libc::SYS_getresgid;
#[cfg(target_pointer_width = "32")]
const USERS: libc::c_long = libc::SYS_getresuid32;
#[cfg(target_pointer_width = "32")]
const GROUPS: libc::c_long = libc::SYS_getresgid32;

/// Real, effective and saved ids.
fn three_ids(nr: libc::c_long) -> Option<[u32; 3]> {
    let (mut real, mut effective, mut saved) = (0u32, 0u32, 0u32);
    // SAFETY: each pointer is to a word of our own.
    unsafe { syscall!(nr, &raw mut real, &raw mut effective, &raw mut saved) }.ok()?;
    Some([real, effective, saved])
}
