//! One thread at a time.

use core::sync::atomic::{AtomicU64, Ordering};
use partage_core::os::arch::raw;
use partage_core::{Errno, Result};

/// Process and thread that have the turn; 0 for none.
static HOLDER: AtomicU64 = AtomicU64::new(0);

/// The turn, until it is dropped.
pub(crate) struct Turn;

impl Turn {
    /// Waits for it.
    ///
    /// # Errors
    /// - `EDEADLK` this thread has it already: a signal handler has interrupted it
    pub(crate) fn take() -> Result<Turn> {
        let me = u64::from(number(libc::SYS_getpid)) << 32 | u64::from(number(libc::SYS_gettid));
        let mut holder = 0;
        loop {
            match HOLDER.compare_exchange(holder, me, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(Turn),
                Err(now) if now == me => return Err(Errno::EDEADLK),
                // A thread of the process that this one was forked from: it does not run here.
                Err(now) if now >> 32 != me >> 32 => holder = now,
                Err(_) => {
                    holder = 0;
                    // SAFETY: no memory is passed.
                    let _ = unsafe { raw(libc::SYS_sched_yield, [0; 6]) };
                }
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HOLDER.store(0, Ordering::Release);
    }
}

/// A call without arguments that gives a number.
fn number(call: libc::c_long) -> u32 {
    // SAFETY: no memory is passed; the calls made here cannot fail.
    unsafe { raw(call, [0; 6]) }.unwrap_or(0) as u32
}
