//! Open-file-description locks: an open file has them, not a process, and they end with its last reference.
//! Tested by the C suite.

use super::arch::syscall;
use crate::error::{Errno, Result};

const SET: i32 = 37;
const GET: i32 = 36;

#[cfg(target_pointer_width = "64")]
const FCNTL: libc::c_long = libc::SYS_fcntl;
#[cfg(target_pointer_width = "32")]
const FCNTL: libc::c_long = libc::SYS_fcntl64;

/// `struct flock64`, the same for every C library.
#[repr(C)]
struct FileLock {
    kind: i16,
    whence: i16,
    start: i64,
    len: i64,
    pid: i32,
}

fn on_byte(kind: libc::c_int, byte: u64) -> FileLock {
    FileLock {
        kind: kind as i16,
        whence: libc::SEEK_SET as i16,
        start: byte as i64,
        len: 1,
        pid: 0,
    }
}

/// Takes the write lock on one byte for the open file description of `fd`, without waiting.
///
/// # Errors
/// - `EAGAIN` somebody else holds it
/// - `ENOLCK` the kernel has no memory for it, or the file system has no locks
pub(crate) fn take(fd: i32, byte: u64) -> Result<()> {
    set(fd, &on_byte(libc::F_WRLCK, byte))
}

/// Takes a read lock on one byte, which others may hold as well.
///
/// # Errors
/// As [`take`]; `EAGAIN` somebody holds the write lock.
pub(crate) fn share(fd: i32, byte: u64) -> Result<()> {
    set(fd, &on_byte(libc::F_RDLCK, byte))
}

/// Gives up the lock on one byte.
pub(crate) fn release(fd: i32, byte: u64) {
    let _ = set(fd, &on_byte(libc::F_UNLCK, byte));
}

fn set(fd: i32, lock: &FileLock) -> Result<()> {
    // SAFETY: the structure is what the command reads.
    unsafe { syscall!(FCNTL, fd, SET, lock as *const FileLock) }
        .map(drop)
        .map_err(|error| match error {
            Errno::EACCES => Errno::EAGAIN,
            other => other,
        })
}

/// Whether some other open file description holds a lock on the byte, for reading or writing.
pub(crate) fn is_held(fd: i32, byte: u64) -> Result<bool> {
    let mut lock = on_byte(libc::F_WRLCK, byte);
    // SAFETY: the structure is what the command reads and writes.
    unsafe { syscall!(FCNTL, fd, GET, &raw mut lock) }?;
    Ok(lock.kind != libc::F_UNLCK as i16)
}
