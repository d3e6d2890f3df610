//! Blocking signals while a lock is held: a handler may call back into the library, exit or jump out.

use super::arch::syscall;

const SIZE: usize = 8;

/// All signals are blocked for this thread until it is dropped.
pub(crate) struct Blocked {
    before: u64,
}

impl Blocked {
    /// Blocks every signal, those of the C library (cancellation, `setuid` in all threads) included.
    pub(crate) fn new() -> Blocked {
        let all = !0u64;
        let mut before = 0u64;
        // SAFETY: both sets are of the size given.
        let _ = unsafe {
            syscall!(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const all,
                &raw mut before,
                SIZE
            )
        };
        Blocked { before }
    }

    /// [`forget_file_size_signal`], where signals are known to be blocked.
    pub(crate) fn forget_file_size_signal(&self) {
        forget_file_size_signal();
    }
}

/// Takes a `SIGXFSZ` that this thread has just raised against itself by growing a file past `RLIMIT_FSIZE`, with signals
/// blocked. One that was already waiting when they were blocked stays lost: the kernel keeps only one.
pub(crate) fn forget_file_size_signal() {
    let set = 1u64 << (libc::SIGXFSZ - 1);
    let zero = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set and the time are of the sizes that the call reads; no siginfo is asked for.
    let _ = unsafe {
        syscall!(
            libc::SYS_rt_sigtimedwait,
            &raw const set,
            0usize,
            &raw const zero,
            SIZE
        )
    };
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set is of the size given.
        let _ = unsafe {
            syscall!(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const self.before,
                0usize,
                SIZE
            )
        };
    }
}
