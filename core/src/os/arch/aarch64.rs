//! The `svc` instruction of AArch64. Tested by `tests/tests/architectures.rs`.

use core::arch::asm;

/// # Safety
/// The system call must be sound with these arguments.
#[inline(always)]
pub(super) unsafe fn call6(nr: usize, a: [usize; 6]) -> usize {
    let result;
    // SAFETY: the kernel preserves all registers but x0; what the call does to memory is the caller's promise.
    unsafe {
        asm!("svc 0", in("x8") nr, inlateout("x0") a[0] => result,
             in("x1") a[1], in("x2") a[2], in("x3") a[3], in("x4") a[4], in("x5") a[5], options(nostack));
    }
    result
}
