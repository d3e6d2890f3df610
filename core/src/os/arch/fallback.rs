//! Every other architecture goes through the C library's `syscall`, with errno put back as it was.
//! Tested by `tests/tests/architectures.rs`.

use libc::c_long;

/// # Safety
/// The system call must be sound with these arguments.
pub(super) unsafe fn call6(nr: usize, a: [usize; 6]) -> usize {
    // SAFETY: errno is this thread's own; what the call does to memory is the caller's promise.
    unsafe {
        let errno = libc::errno::location();
        let before = *errno;
        let result = libc::syscall(
            nr as c_long,
            a[0] as c_long,
            a[1] as c_long,
            a[2] as c_long,
            a[3] as c_long,
            a[4] as c_long,
            a[5] as c_long,
        );
        let failure = core::mem::replace(&mut *errno, before);
        if result == -1 {
            (-failure as isize) as usize
        } else {
            result as usize
        }
    }
}
