//! Resource limits. Tested by `c_tests/sysv/file_limits.c`.

use super::arch::syscall;

const RLIMIT_FSIZE: usize = 1;
const RLIMIT_MEMLOCK: usize = 8;

/// The soft limit on locked memory, in bytes; `u64::MAX` for none.
pub(crate) fn locked_memory() -> u64 {
    soft_limit(RLIMIT_MEMLOCK)
}

/// The soft limit on the size of files, in bytes; `u64::MAX` for none.
pub(crate) fn file_size() -> u64 {
    soft_limit(RLIMIT_FSIZE)
}

fn soft_limit(resource: usize) -> u64 {
    let mut limit = [0u64; 2];
    // SAFETY: the structure is two 64-bit words in every ABI of this call.
    let done = unsafe {
        syscall!(
            libc::SYS_prlimit64,
            0usize,
            resource,
            0usize,
            limit.as_mut_ptr()
        )
    };
    if done.is_ok() { limit[0] } else { u64::MAX }
}
