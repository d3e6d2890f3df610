#![no_std]
//! What a Rust object without the standard library has to bring along. An object names this crate, and takes nothing from it.

#[cfg(panic = "abort")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: abort has no preconditions.
    unsafe { libc::abort() }
}

// `core` was compiled for unwinding and still names the personality routine; nothing unwinds here.
#[cfg(panic = "abort")]
core::arch::global_asm!(
    ".pushsection .text.reh,\"ax\",%progbits",
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    ".type rust_eh_personality,%function",
    "rust_eh_personality:",
    ".byte 0",
    ".popsection"
);

// What the compiler makes of comparing memory for equality, and bionic lacks. On i686, which bionic's programs have not been
// tried on, the C library's serves.
#[cfg(not(target_arch = "x86"))]
core::arch::global_asm!(
    ".pushsection .text.bcmp,\"ax\",%progbits",
    ".weak bcmp",
    ".hidden bcmp",
    ".type bcmp,%function",
    // The section begins where the one before it ends.
    ".p2align 2",
    "bcmp:",
    #[cfg(target_arch = "x86_64")]
    "jmp memcmp@PLT",
    #[cfg(target_arch = "aarch64")]
    "b memcmp",
    #[cfg(target_arch = "arm")]
    "b memcmp(PLT)",
    #[cfg(target_arch = "riscv64")]
    "tail memcmp@plt",
    ".popsection"
);

#[cfg(panic = "unwind")]
extern crate std;
