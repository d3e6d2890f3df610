//! Which process this is, and whether another one still lives.

use super::arch::syscall;
use super::maps;
use super::reading::Reading;
use crate::error::{Errno, Result};
use crate::sync::{AtomicU64, Ordering};
use crate::text::Text;

/// getpid(2), asked of the kernel: a cached number would be wrong after a fork.
pub(crate) fn pid() -> i32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(libc::SYS_getpid) }.map_or(0, |pid| pid as i32)
}

/// A mark of the calling thread for as long as it lives, without a system call: the C library keeps each thread's errno
/// at an address of its own. Threads with the same thread pointer have the same mark (vfork, raw clones).
// In one copy: many ask for it.
#[inline(never)]
pub(crate) fn thread_mark() -> usize {
    libc::errno::location() as usize
}

/// sched_yield(2): other threads run first.
pub(crate) fn sched_yield() {
    // SAFETY: no arguments, cannot fail.
    let _ = unsafe { syscall!(libc::SYS_sched_yield) };
}

/// Whether the thread with this mark is known to have ended. The kernel knows where each thread's list of robust locks
/// is, and in all threads that list is at the same distance from the mark. If the C library has no such list, the
/// answer is only known in a process with one thread. `pid` is this process's.
#[cold]
#[inline(never)]
pub(crate) fn is_thread_gone(mark: usize, pid: i32) -> bool {
    let own = robust_list(0);
    let list = mark.wrapping_add(own.wrapping_sub(thread_mark()));
    // Stacks lie at distances with many zeroes.
    let known = &KNOWN[(((mark >> 12) as u32).wrapping_mul(0x9e37_79b1) >> 22) as usize];
    let last = known.load(Ordering::Relaxed);
    if own != 0 && last >> 32 == pid as u64 && robust_list(last as u32 as usize) == list {
        return false;
    }
    are_gone(own, &mut |thread, its| {
        let is_it = its == list;
        if is_it {
            known.store((pid as u64) << 32 | thread, Ordering::Relaxed);
        }
        is_it
    })
}

/// Whether all threads are known to have ended whose mark `is_it`; [`is_thread_gone`] of one.
#[cold]
#[inline(never)]
pub(crate) fn are_threads_gone(is_it: impl Fn(usize) -> bool) -> bool {
    let own = robust_list(0);
    are_gone(own, &mut |_, list| {
        is_it(list.wrapping_sub(own).wrapping_add(thread_mark()))
    })
}

/// Whether no thread's list of robust locks is one that is looked for; `own` is this thread's.
fn are_gone(own: usize, is_it: &mut dyn FnMut(u64, usize) -> bool) -> bool {
    if own == 0 {
        // None has such a list: musl's threads have none before they use a robust lock.
        return thread_count() == 1;
    }
    // While threads come and go, the kernel's list of them may leave some out. It is complete if their number says so.
    for _ in 0..LISTINGS {
        let before = thread_count();
        let (mut threads, mut is_there) = (0, false);
        let read = super::directories::each_entry(c"/proc/self/task", |name| {
            threads += 1;
            let thread = crate::text::parse_number(name).unwrap_or(0);
            // A thread that is just ending has no list any more.
            is_there = is_there || is_it(thread, robust_list(thread as usize));
        });
        if is_there || read.is_err() {
            return false;
        }
        if threads == before && threads == thread_count() {
            return true;
        }
    }
    false
}

/// Threads that were found to live, by their marks, each with its process: to list many threads takes long.
static KNOWN: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];

/// How often the threads of this process are listed until the list is complete.
const LISTINGS: u32 = 20;

/// The number of threads of this process: the links of the directory that lists them, without those of every directory.
fn thread_count() -> u64 {
    super::paths::lstat(c"/proc/self/task").map_or(0, |status| status.links.saturating_sub(2))
}

/// get_robust_list(2): where a thread's list is, 0 for none. bionic's threads have none, and Android kills an app that
/// asks.
fn robust_list(thread: usize) -> usize {
    if libc::errno::is_bionic() {
        return 0;
    }
    let (mut head, mut len) = (0usize, 0usize);
    // SAFETY: both are words of our own.
    let asked = unsafe {
        syscall!(
            libc::SYS_get_robust_list,
            thread,
            &raw mut head,
            &raw mut len
        )
    };
    asked.map_or(0, |_| head)
}

/// Whether the thread runs on an alternate signal stack.
pub(crate) fn is_on_alternate_stack() -> bool {
    const SS_ONSTACK: i32 = 1;
    // SAFETY: all-zero bytes are a valid stack_t, and the call only fills it.
    unsafe {
        let mut stack: libc::stack_t = core::mem::zeroed();
        syscall!(libc::SYS_sigaltstack, 0usize, &raw mut stack).is_ok()
            && stack.ss_flags & SS_ONSTACK != 0
    }
}

/// Whether a process is known to have ended.
#[cold]
#[inline(never)]
pub(crate) fn has_ended(pid: i32) -> bool {
    matches!(ending(pid), Some(Ending::All))
}

/// Whether process `pid`, of this pid namespace, is known to have ended, or to map no file of this name any more. Then
/// it has executed another program, or another process has its number.
pub(crate) fn is_gone(pid: i32, mapped: &[u8]) -> bool {
    match ending(pid) {
        Some(Ending::All) => true,
        Some(Ending::LeaderOnly) | None => false,
        // A kernel thread has no mappings at all, and neither has a process that is just ending.
        Some(Ending::No) => maps_file(pid, mapped) == Ok(false),
    }
}

/// Whether a process maps a file whose name begins with this.
///
/// # Errors
/// - `EACCES` it is not the caller's to look into; others of [`maps::each`]
fn maps_file(pid: i32, name: &[u8]) -> Result<bool> {
    let mut path = proc_path(pid);
    path.push_str("/maps");
    let mut found = false;
    maps::each(path.as_c_str(), &mut |mapping| {
        found |= mapping.name().starts_with(name);
        !found
    })?;
    Ok(found)
}

/// A process that may be there without anybody knowing its number.
pub(crate) struct Sought {
    /// How the name begins of a file that it maps.
    pub(crate) mapped: Text<32>,
    /// Whose it is.
    pub(crate) user: u32,
    /// Milliseconds since the boot when it was not there yet; 0 where that is not known.
    pub(crate) born_after: u64,
}

/// Whether there may be such a process that is none of the `known` ones. One that may not be looked into is taken for it
/// if it is the user's.
#[cold]
#[inline(never)]
pub(crate) fn any_other(sought: &Sought, known: &mut dyn FnMut(i32) -> bool) -> bool {
    if !is_proc_ours() {
        return true;
    }
    let mut found = false;
    let listed = super::directories::each_entry(c"/proc", |name| {
        let number = crate::text::parse_number(name).and_then(|number| i32::try_from(number).ok());
        let Some(pid) = number.filter(|_| !found) else {
            return;
        };
        // Also to read no more lists of mappings than needed: a process that dies meanwhile keeps its memory so long.
        if is_older(pid, sought.born_after) {
            return;
        }
        let may_map = match maps_file(pid, sought.mapped.bytes()) {
            Ok(is_mapped) => is_mapped,
            Err(Errno::ENOENT | Errno::ESRCH) => false,
            Err(Errno::EACCES | Errno::EPERM) => is_users(pid, sought.user),
            Err(_) => true,
        };
        found = may_map && !known(pid);
    });
    listed.is_err() || found
}

/// Whether a process may be of this user. The owner of its directory in `/proc` does not tell: that is root for one that
/// gave up its rights.
fn is_users(pid: i32, user: u32) -> bool {
    let mut text = [0u8; 512];
    let text = match read_of(pid, "/status", &mut text) {
        Ok(text) => text,
        // It has ended since.
        Err(Errno::ENOENT | Errno::ESRCH) => return false,
        Err(_) => return true,
    };
    let users = text
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Uid:\t"));
    users.is_none_or(|users| {
        users
            .split(|&byte| byte == b'\t')
            .any(|uid| crate::text::parse_number(uid) == Some(user.into()))
    })
}

/// Whether a process is known to have begun before a time, in milliseconds since the boot. The kernel tells in hundredths
/// of a second.
fn is_older(pid: i32, milliseconds: u64) -> bool {
    let mut text = [0u8; 512];
    if milliseconds == 0 {
        return false;
    }
    stat_fields(pid, &mut text)
        .and_then(|mut fields| crate::text::parse_number(fields.nth(START_TIME)?))
        .is_some_and(|ticks| ticks.saturating_add(1).saturating_mul(10) <= milliseconds)
}

/// Whether `/proc` numbers processes as this process does.
pub(crate) fn is_proc_ours() -> bool {
    let mut path = proc_path(pid());
    path.push_str("/ns/pid");
    super::paths::inode_of(path.as_c_str())
        .is_ok_and(|inode| inode == super::identity::pid_namespace())
}

/// What of a process has ended.
enum Ending {
    No,
    /// The main thread has ended, others go on.
    LeaderOnly,
    /// A zombie may be left of it.
    All,
}

/// Fields of `/proc/PID/stat`, counted from the state on, which is the third.
const THREADS: usize = 20 - 3;
const START_TIME: usize = 22 - 3;

/// `None` where the kernel does not tell.
fn ending(pid: i32) -> Option<Ending> {
    // SAFETY: signal 0 is none.
    let asked = unsafe { syscall!(libc::SYS_kill, pid, 0) };
    if asked == Err(Errno::ESRCH) {
        return Some(Ending::All);
    }
    if !is_proc_ours() {
        return None;
    }
    let mut text = [0u8; 512];
    let mut fields = stat_fields(pid, &mut text)?;
    let state = *fields.next()?.first()?;
    let threads = crate::text::parse_number(fields.nth(THREADS - 1)?)?;
    Some(match state {
        b'Z' | b'X' if threads <= 1 => Ending::All,
        b'Z' | b'X' => Ending::LeaderOnly,
        _ => Ending::No,
    })
}

fn stat_fields(pid: i32, text: &mut [u8; 512]) -> Option<impl Iterator<Item = &[u8]>> {
    let text = read_of(pid, "/stat", text).ok()?;
    // The command stands in parentheses, and may hold any byte.
    let behind = text.iter().rposition(|&byte| byte == b')')?;
    Some(text.get(behind + 2..)?.split(|&byte| byte == b' '))
}

/// The beginning of one of the files that tell of a process.
fn read_of<'a>(pid: i32, name: &str, text: &'a mut [u8; 512]) -> Result<&'a [u8]> {
    let mut path = proc_path(pid);
    path.push_str(name);
    let file = Reading::begin(path.as_c_str(), 0)?;
    let read = file.file().read_start(text)?;
    file.end()?;
    Ok(text.get(..read).unwrap_or(&[]))
}

fn proc_path(pid: i32) -> Text<48> {
    let mut path = Text::new();
    path.push_str("/proc/")
        .push_decimal(pid.unsigned_abs().into());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_maps_some_files() {
        assert!(!is_gone(pid(), b"[stack]"));
        assert!(is_gone(pid(), b"no such file"));
        assert!(is_gone(i32::MAX - 1, b""));
    }

    #[test]
    fn this_process_has_an_age_and_a_user() {
        assert!(is_users(pid(), super::super::identity::euid()));
        assert!(!is_users(pid(), 4_000_000_000));
        assert!(!is_older(pid(), 1));
        assert!(is_older(pid(), super::super::clock::boot_ms() + 20));
    }
}
