//! What a process may do beyond others (capabilities(7)). Tested by `c_tests/process/users.c`.

use super::arch::syscall;

/// capget(2): the capability sets, effective, permitted and inheritable, twice over for the upper halves.
pub(super) fn capget() -> Option<[u32; 6]> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    // SAFETY: version 3 writes two groups of three words.
    let done = unsafe { syscall!(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    done.is_ok().then_some(sets)
}
