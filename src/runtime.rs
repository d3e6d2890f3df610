//! What a Rust object without the standard library has to bring along.

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

#[cfg(panic = "unwind")]
extern crate std;
