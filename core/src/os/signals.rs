//! Blocks signals where something is done in several steps that a handler must not jump out of.
//! Tested by `c_tests/process/fork_signal_mask.c`.

use super::arch::syscall;

const SIZE: usize = 8;

/// Signals that the kernel raises at an instruction. If they are blocked, the kernel kills the process. Sandboxes
/// answer system calls from a handler of `SIGSYS`.
const RAISED: [i32; 6] = [
    libc::SIGSYS,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
];

/// All signals but those that the kernel raises itself are blocked for this thread until it is dropped.
pub(crate) struct Blocked {
    before: u64,
}

impl Blocked {
    /// Blocks every signal, those of the C library (cancellation, `setuid` in all threads) included.
    pub(crate) fn new() -> Blocked {
        let all = RAISED
            .iter()
            .fold(!0u64, |set, signal| set & !(1 << (signal - 1)));
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
}

/// Takes a `SIGXFSZ` that this thread has just raised by growing a file beyond `RLIMIT_FSIZE` while signals were
/// blocked. If another was already waiting, it is lost: the kernel keeps only one.
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
