//! What the recorder does about signals: calls of `sys.rs`' kind.

use core::ffi::c_int;

use crate::sys::{Errno, call, pid, tid};

/// Whether this thread runs on the stack that it has set aside for signal handlers.
pub(crate) fn is_on_signal_stack() -> bool {
    // SAFETY: all zeros is a valid stack_t.
    let mut stack: libc::stack_t = unsafe { core::mem::zeroed() };
    // SAFETY: the stack is writable; null changes nothing.
    let asked = unsafe { call!(SYS_sigaltstack, 0, &raw mut stack) };
    asked.is_ok() && stack.ss_flags & libc::SS_ONSTACK != 0
}

/// Blocks this thread's signals, but for those that the kernel raises for what the thread itself does; which were
/// blocked before.
pub(crate) fn block_signals() -> u64 {
    const RAISED: [c_int; 6] = [
        libc::SIGSYS,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGTRAP,
    ];
    let wanted = RAISED
        .iter()
        .fold(u64::MAX, |mask, signal| mask & !(1 << (signal - 1)));
    let mut before = 0u64;
    // SAFETY: both are masks of eight bytes.
    let _ = unsafe {
        call!(
            SYS_rt_sigprocmask,
            libc::SIG_BLOCK,
            &raw const wanted,
            &raw mut before,
            size_of::<u64>()
        )
    };
    before
}

/// Blocks those signals that were blocked before.
pub(crate) fn restore_signals(before: u64) {
    // SAFETY: a mask of eight bytes.
    let _ = unsafe {
        call!(
            SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const before,
            0,
            size_of::<u64>()
        )
    };
}

/// Says that an action of a signal has a restorer.
#[cfg(target_arch = "x86_64")]
pub(crate) const RESTORER_FLAG: usize = 0x0400_0000;
/// Says that an action of a signal has a restorer.
#[cfg(target_arch = "aarch64")]
pub(crate) const RESTORER_FLAG: usize = 0;

/// Where a signal handler returns to: x86-64 wants to be told.
#[cfg(target_arch = "x86_64")]
pub(crate) fn restorer() -> usize {
    #[unsafe(naked)]
    extern "C" fn restore() {
        core::arch::naked_asm!("mov eax, {number}", "syscall", number = const libc::SYS_rt_sigreturn);
    }
    (restore as *const ()).expose_provenance()
}

/// Where a signal handler returns to: the kernel has a place of its own.
#[cfg(target_arch = "aarch64")]
pub(crate) fn restorer() -> usize {
    0
}

/// `struct sigaction` as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Action {
    pub(crate) handler: usize,
    pub(crate) flags: usize,
    pub(crate) restorer: usize,
    pub(crate) mask: u64,
}

/// rt_sigaction(2).
pub(crate) fn signal_action(
    signal: c_int,
    new: Option<&Action>,
    old: Option<&mut Action>,
) -> Result<(), Errno> {
    let new = new.map_or(core::ptr::null(), core::ptr::from_ref);
    let old = old.map_or(core::ptr::null_mut(), core::ptr::from_mut);
    // SAFETY: each is null or an action as the kernel has it.
    unsafe { call!(SYS_rt_sigaction, signal, new, old, size_of::<u64>()) }.map(drop)
}

/// Sends this thread a signal.
pub(crate) fn send_to_self(signal: c_int) {
    // SAFETY: no memory is passed.
    let _ = unsafe { call!(SYS_tgkill, pid(), tid(), signal) };
}
