//! Sleeping on a word of shared memory. Tested by `c_tests/process/another_boot.c`.

use super::arch::syscall;
use crate::error::Result;
use crate::sync::AtomicU32;

/// Sleeps while `word` holds `expected`, at most `milliseconds`. Spurious returns are allowed.
///
/// # Errors
/// - `EAGAIN` the word changed first
/// - `EINTR` a signal came
/// - `ETIMEDOUT` the time is over
pub(crate) fn wait(word: &AtomicU32, expected: u32, milliseconds: u32) -> Result<()> {
    let time = libc::timespec {
        tv_sec: (milliseconds / 1000) as _,
        tv_nsec: (milliseconds % 1000 * 1_000_000) as _,
    };
    // SAFETY: the word and the time outlive the call, which writes neither.
    unsafe {
        syscall!(
            libc::SYS_futex,
            word as *const _,
            libc::FUTEX_WAIT,
            expected,
            &raw const time
        )
    }
    .map(drop)
}
