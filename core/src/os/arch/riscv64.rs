//! The `ecall` instruction of RISC-V. Tested by `tests/tests/architectures.rs`.

use core::arch::asm;

/// # Safety
/// The system call must be sound with these arguments.
#[inline(always)]
pub(super) unsafe fn call6(nr: usize, a: [usize; 6]) -> usize {
    let result;
    // SAFETY: the kernel preserves all registers but a0; what the call does to memory is the caller's promise.
    unsafe {
        asm!("ecall", in("a7") nr, inlateout("a0") a[0] => result,
             in("a1") a[1], in("a2") a[2], in("a3") a[3], in("a4") a[4], in("a5") a[5], options(nostack));
    }
    result
}
