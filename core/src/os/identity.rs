//! The caller's identity as the kernel judges it: effective user, file system group, capabilities.

use super::arch::syscall;
use super::fixed_identity as fixed;

/// Capabilities that System V shared memory asks about, by their number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Capability {
    /// May pin memory, and use huge pages.
    IpcLock = 14,
    /// Passes every read and write check.
    IpcOwner = 15,
    /// May change and remove every segment.
    SysAdmin = 21,
}

/// The effective user. Asked of the kernel each time, unless the process cannot change it.
pub(crate) fn euid() -> u32 {
    match fixed::get() {
        Some((euid, _)) => euid,
        None => fixed::note(ask_euid()),
    }
}

/// The effective group, likewise.
pub(crate) fn egid() -> u32 {
    fixed::get().map_or_else(ask_egid, |(_, egid)| egid)
}

/// geteuid(2).
fn ask_euid() -> u32 {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_geteuid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_geteuid32;
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(nr) }.map_or(u32::MAX, |id| id as u32)
}

/// getegid(2).
fn ask_egid() -> u32 {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_getegid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_getegid32;
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(nr) }.map_or(u32::MAX, |id| id as u32)
}

/// The group that file access is judged by: asking for an impossible one changes nothing and returns it.
fn fsgid() -> u32 {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_setfsgid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_setfsgid32;
    // SAFETY: -1 is no group, the call only answers.
    unsafe { syscall!(nr, u32::MAX) }.map_or(u32::MAX, |id| id as u32)
}

/// Whether one of `wanted` is the caller's file system group or among its supplementary groups.
pub(crate) fn in_group(wanted: [u32; 2]) -> bool {
    wanted.contains(&fsgid()) || in_supplementary(wanted)
}

fn in_supplementary(wanted: [u32; 2]) -> bool {
    /// More groups than any system gives; the kernel allows 65536, and answers `EINVAL` where they do not fit.
    const MOST: usize = 4096;
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_getgroups;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_getgroups32;
    let mut groups = [0u32; MOST];
    // SAFETY: the array has room for the number given.
    let count = unsafe { syscall!(nr, MOST, groups.as_mut_ptr()) }.unwrap_or(0);
    groups
        .iter()
        .take(count)
        .any(|group| wanted.contains(group))
}

/// The initial user namespace's inode number, the same on every machine.
const INITIAL_USER_NAMESPACE: u64 = 0xefff_fffd;

/// The inode number of this process's user namespace; 0 where `/proc` does not tell.
pub(crate) fn user_namespace() -> u64 {
    super::files::inode_of(c"/proc/self/ns/user").unwrap_or(0)
}

/// Whether capabilities of this process count for what was made in user namespace `made_in`.
pub(crate) fn counts_in(made_in: u64) -> bool {
    let own = user_namespace();
    made_in == 0 || own == 0 || own == made_in || own == INITIAL_USER_NAMESPACE
}

/// Whether the capability is in the caller's effective set.
pub(crate) fn has(capability: Capability) -> bool {
    sets().is_some_and(|sets| sets[0] & (1 << capability as u32) != 0)
}

/// The capability sets: effective, permitted and inheritable, twice over for the upper halves.
pub(super) fn sets() -> Option<[u32; 6]> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    // SAFETY: version 3 writes two groups of three words.
    let done = unsafe { syscall!(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    done.is_ok().then_some(sets)
}
