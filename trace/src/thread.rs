//! What each thread knows: a block of thread-local storage, reached without any call.
//!
//! Rust has no thread-locals without `std`, so the block is declared in assembly with the initial-exec model, which is
//! what a preloaded object has anyway.

use core::arch::{asm, global_asm};
use core::cell::Cell;

use crate::process;
use crate::sys;

/// Most vfork calls inside one another's children.
pub(crate) const MAX_VFORKS: usize = 8;

/// What a thread keeps while a vfork of its is under way; see `vfork.rs`.
#[derive(Default)]
#[repr(C)]
pub(crate) struct VforkFrame {
    pub(crate) return_address: Cell<usize>,
    pub(crate) saved_register: Cell<usize>,
    pub(crate) frame_pointer: Cell<usize>,
    pub(crate) time: Cell<u64>,
    pub(crate) ids: Cell<(u32, u32)>,
    pub(crate) index: Cell<u32>,
}

/// The block. All zeros at first; only its own thread reads and writes it, also from signal handlers.
#[repr(C)]
pub(crate) struct Thread {
    /// The process generation for which `pid` and `tid` hold; 0 at first, which none is.
    generation: Cell<u32>,
    pid: Cell<u32>,
    tid: Cell<u32>,
    /// Set while this thread looks up symbols: what it calls meanwhile goes straight to the kernel.
    pub(crate) resolving: Cell<bool>,
    /// Set while this thread starts the recording.
    pub(crate) starting: Cell<bool>,
    /// How many vforks are under way.
    pub(crate) vforks: Cell<u32>,
    /// Stack of this thread as far as it was looked up; see `frames.rs`.
    pub(crate) stack: Cell<(usize, usize)>,
    pub(crate) vfork_frames: [VforkFrame; MAX_VFORKS],
}

const BLOCK_SIZE: usize = 512;
const _: () = assert!(size_of::<Thread>() <= BLOCK_SIZE && align_of::<Thread>() <= 16);

global_asm!(
    ".pushsection .tbss.partage_trace_thread,\"awT\",%nobits",
    ".hidden partage_trace_thread",
    ".globl partage_trace_thread",
    ".type partage_trace_thread,%object",
    ".size partage_trace_thread, {size}",
    ".p2align 4",
    "partage_trace_thread:",
    ".zero {size}",
    ".popsection",
    size = const BLOCK_SIZE,
);

/// This thread's block.
#[inline(always)]
pub(crate) fn current() -> &'static Thread {
    let block: *const Thread;
    // SAFETY: computes the address of a thread-local by the initial-exec model; reads nothing but the thread pointer and the GOT.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov {block}, qword ptr fs:[0]", "add {block}, qword ptr [rip + partage_trace_thread@GOTTPOFF]",
            block = out(reg) block, options(nostack, pure, readonly));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("adrp {offset}, :gottprel:partage_trace_thread", "ldr {offset}, [{offset}, :gottprel_lo12:partage_trace_thread]",
            "mrs {block}, tpidr_el0", "add {block}, {block}, {offset}",
            block = out(reg) block, offset = out(reg) _, options(nostack, pure, readonly));
    }
    // SAFETY: the block lives as long as its thread, is zeroed, aligned and large enough, and `Thread` is not `Sync`:
    // the reference never leaves the thread.
    unsafe { &*block }
}

impl Thread {
    /// Process and thread id, looked up once per thread and process.
    #[inline(always)]
    pub(crate) fn ids(&self) -> (u32, u32) {
        if self.generation.get() != process::generation() {
            self.look_up_ids();
        }
        (self.pid.get(), self.tid.get())
    }

    #[cold]
    fn look_up_ids(&self) {
        self.set_ids(sys::pid(), sys::tid());
        self.generation.set(process::generation());
    }

    /// Takes on other ids: in a vfork child its own, back in the parent the parent's.
    pub(crate) fn set_ids(&self, pid: u32, tid: u32) {
        self.pid.set(pid);
        self.tid.set(tid);
    }

    /// Whether this is a vfork child, which shares its parent's memory but has its own descriptors.
    #[inline(always)]
    pub(crate) fn in_vfork_child(&self) -> bool {
        self.vforks.get() != 0
    }
}
