//! Who this process is.

use super::arch::syscall;

/// getpid(2), asked of the kernel: a cached number would be wrong after a fork.
pub(crate) fn pid() -> i32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(libc::SYS_getpid) }.map_or(0, |pid| pid as i32)
}

/// gettid(2).
pub(crate) fn thread() -> i32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { syscall!(libc::SYS_gettid) }.map_or(0, |thread| thread as i32)
}
