//! Numbers that nobody can guess. Tested by the C suite.

use super::arch::syscall;

/// Eight random bytes; without any from the kernel, a number that at least differs between processes.
pub(crate) fn number() -> u64 {
    const GRND_NONBLOCK: usize = 1;
    let mut number = 0u64;
    // SAFETY: the buffer is writable for its length.
    match unsafe {
        syscall!(
            libc::SYS_getrandom,
            &raw mut number,
            size_of::<u64>(),
            GRND_NONBLOCK
        )
    } {
        Ok(8) => number,
        _ => (super::process::pid() as u64) << 32 ^ super::clock::monotonic_ms(),
    }
}
