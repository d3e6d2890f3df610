//! Resource limits.

use super::arch::syscall;

/// The soft limit on locked memory, in bytes; `u64::MAX` for none.
pub(crate) fn locked_memory() -> u64 {
    const RLIMIT_MEMLOCK: usize = 8;
    let mut limit = [0u64; 2];
    // SAFETY: the structure is two 64-bit words in every ABI of this call.
    let done = unsafe {
        syscall!(
            libc::SYS_prlimit64,
            0usize,
            RLIMIT_MEMLOCK,
            0usize,
            limit.as_mut_ptr()
        )
    };
    if done.is_ok() { limit[0] } else { u64::MAX }
}
