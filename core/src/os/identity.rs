//! The caller's identity as the kernel judges it: effective user, file system group, capabilities.
//! Tested by `c_tests/process/users.c` and `uid_dropped.c`.

use super::arch::syscall;
use super::capabilities;
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

/// The effective user. The kernel is asked each time, unless the process cannot change it.
pub(crate) fn euid() -> u32 {
    match fixed::get() {
        Some((euid, _)) => euid,
        None => fixed::note(geteuid()),
    }
}

/// The effective group, likewise.
pub(crate) fn egid() -> u32 {
    fixed::get().map_or_else(getegid, |(_, egid)| egid)
}

/// geteuid(2).
fn geteuid() -> u32 {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_geteuid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_geteuid32;
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(nr) }.map_or(u32::MAX, |id| id as u32)
}

/// getegid(2).
fn getegid() -> u32 {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_getegid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_getegid32;
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(nr) }.map_or(u32::MAX, |id| id as u32)
}

/// The group that file access is judged by. To ask for an impossible group changes nothing and returns it; but Android
/// kills an app that asks, and filters refuse it.
fn fsgid() -> u32 {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_setfsgid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_setfsgid32;
    if !libc::errno::is_bionic() {
        // SAFETY: -1 is no group, the call only answers.
        if let Ok(id) = unsafe { syscall!(nr, u32::MAX) } {
            return id as u32;
        }
    }
    file_identity().map_or_else(egid, |[_, (_, fsgid)]| fsgid)
}

/// Whether one of `wanted` is the caller's file system group or among its supplementary groups.
pub(crate) fn in_group(wanted: [u32; 2]) -> bool {
    wanted.contains(&fsgid()) || in_supplementary(wanted)
}

fn in_supplementary(wanted: [u32; 2]) -> bool {
    /// Mostly there are no more, and the stack may be small.
    const FEW: usize = 32;
    let mut groups = [0u32; FEW];
    match getgroups(FEW, groups.as_mut_ptr() as usize) {
        Ok(count) => groups
            .iter()
            .take(count)
            .any(|group| wanted.contains(group)),
        Err(_) => in_many(wanted),
    }
}

/// More groups than fit the stack: the kernel allows 65536.
#[cold]
#[inline(never)]
fn in_many(wanted: [u32; 2]) -> bool {
    const MOST: usize = 65536;
    let bytes = MOST * size_of::<u32>();
    let Ok(memory) = super::memory::map_private(bytes) else {
        return false;
    };
    let count = getgroups(MOST, memory).unwrap_or(0).min(MOST);
    // SAFETY: the memory is ours, zeroed or filled in, and large enough for as many words.
    let groups = unsafe { core::slice::from_raw_parts(memory as *const u32, count) };
    let found = groups.iter().any(|group| wanted.contains(group));
    // SAFETY: nothing refers to it any more.
    let _ = unsafe { super::memory::munmap(memory, bytes) };
    found
}

/// getgroups(2) into as many words at an address.
fn getgroups(most: usize, address: usize) -> crate::error::Result<usize> {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_getgroups;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_getgroups32;
    // SAFETY: the callers have room for the number given.
    unsafe { syscall!(nr, most, address) }
}

/// The initial user namespace's inode number, the same on every machine.
const INITIAL_USER_NAMESPACE: u64 = 0xefff_fffd;

/// The inode number of this process's user namespace; 0 where `/proc` does not tell.
pub(crate) fn user_namespace() -> u64 {
    super::paths::inode_of(c"/proc/self/ns/user").unwrap_or(0)
}

/// The inode number of this process's pid namespace; 0 where `/proc` does not tell.
pub(crate) fn pid_namespace() -> u64 {
    super::paths::inode_of(c"/proc/self/ns/pid").unwrap_or(0)
}

/// The time namespace of this process, by inode number; 0 where there are none.
pub(crate) fn time_namespace() -> u64 {
    super::paths::inode_of(c"/proc/self/ns/time").unwrap_or(0)
}

/// Whether capabilities of this process count for an object of user namespace `made_in`.
pub(crate) fn counts_in(made_in: u64) -> bool {
    let own = user_namespace();
    made_in == 0 || own == 0 || own == made_in || own == INITIAL_USER_NAMESPACE
}

/// Whether the capability is in the caller's effective set.
pub(crate) fn has(capability: Capability) -> bool {
    capabilities::capget().is_some_and(|sets| sets[0] & (1 << capability as u32) != 0)
}

/// Uses the effective user and group for file access too, if they differ (setfsuid(2)): the kernel judges shared memory
/// by the effective ones.
pub(crate) fn as_effective<T>(act: impl FnOnce() -> T) -> T {
    #[cfg(target_pointer_width = "64")]
    let (uid_call, gid_call) = (libc::SYS_setfsuid, libc::SYS_setfsgid);
    #[cfg(target_pointer_width = "32")]
    let (uid_call, gid_call) = (libc::SYS_setfsuid32, libc::SYS_setfsgid32);
    let Some([(euid, fsuid), (egid, fsgid)]) = file_identity() else {
        return act();
    };
    if (euid, egid) == (fsuid, fsgid) {
        return act();
    }
    // SAFETY: plain numbers; the ids are of this thread alone, and put back below.
    let set = |uid: u32, gid: u32| unsafe {
        let _ = syscall!(gid_call, gid);
        let _ = syscall!(uid_call, uid);
    };
    set(euid, egid);
    let done = act();
    set(fsuid, fsgid);
    done
}

/// Whether files are accessed as another user than the effective one. To ask for an impossible user changes nothing and
/// returns it. A process that cannot change its identity has one user for both.
pub(crate) fn is_split(euid: u32) -> bool {
    if fixed::get().is_some() {
        return false;
    }
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_setfsuid;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_setfsuid32;
    // SAFETY: -1 is no user, the call only answers.
    unsafe { syscall!(nr, u32::MAX) }.is_ok_and(|fsuid| fsuid as u32 != euid)
}

/// Effective and file access ids, of user and group, as `/proc` tells them.
fn file_identity() -> Option<[(u32, u32); 2]> {
    let mut text = [0u8; 1024];
    let read = super::reading::read_start(c"/proc/thread-self/status", &mut text).ok()?;
    let text = text.get(..read)?;
    Some([ids_in(text, b"\nUid:")?, ids_in(text, b"\nGid:")?])
}

/// Real, effective, saved and file access id follow the name.
fn ids_in(text: &[u8], name: &[u8]) -> Option<(u32, u32)> {
    let at = text.windows(name.len()).position(|part| part == name)?;
    let line = text
        .get(at + name.len()..)?
        .split(|&byte| byte == b'\n')
        .next()?;
    let mut ids = line
        .split(|byte| matches!(byte, b'\t' | b' '))
        .filter(|word| !word.is_empty())
        .map(|word| crate::text::parse_number(word).map(|id| id as u32));
    let effective = ids.nth(1)??;
    let access = ids.nth(1)??;
    Some((effective, access))
}
