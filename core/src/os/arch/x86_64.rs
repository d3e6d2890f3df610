//! The `syscall` instruction of x86-64. Tested by `tests/tests/architectures.rs`.

use core::arch::asm;

/// # Safety
/// The system call must be sound with these arguments.
#[inline(always)]
pub(super) unsafe fn call6(nr: usize, a: [usize; 6]) -> usize {
    let result;
    // SAFETY: the kernel clobbers rcx and r11 only; what the call does to memory is the caller's promise.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result,
             in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3], in("r8") a[4], in("r9") a[5],
             lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}
