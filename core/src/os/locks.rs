//! Open-file-description locks: held by an open file, not by a process, and gone with its last reference.

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

fn on_byte(byte: u64) -> FileLock {
    FileLock {
        kind: libc::F_WRLCK as i16,
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
    let lock = on_byte(byte);
    // SAFETY: the structure is what the command reads.
    unsafe { syscall!(FCNTL, fd, SET, &raw const lock) }
        .map(drop)
        .map_err(|error| match error {
            Errno::EACCES => Errno::EAGAIN,
            other => other,
        })
}

/// Whether some other open file description holds a lock on the byte.
pub(crate) fn is_held(fd: i32, byte: u64) -> Result<bool> {
    let mut lock = on_byte(byte);
    // SAFETY: the structure is what the command reads and writes.
    unsafe { syscall!(FCNTL, fd, GET, &raw mut lock) }?;
    Ok(lock.kind != libc::F_UNLCK as i16)
}
