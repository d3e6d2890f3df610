//! vfork: it returns twice into the same stack frame, so no ordinary function can stand in for it.
//!
//! The export keeps the return address and one callee-saved register in the thread's block, calls the next definition
//! from the caller's own stack depth and returns to the kept address, in the child and then in the parent. Nothing of
//! ours lies on the stack meanwhile, which the child is free to overwrite. The register tells each of the two which
//! frame is its own: a vfork inside a vfork child uses the next.

use core::mem::offset_of;
use core::sync::atomic::{Ordering, compiler_fence};

use partage_trace_format::Call;

use crate::frames::Site;
use crate::next::{self, Function, Symbol};
use crate::recorder::{self, Begun, Outcome};
use crate::sys;
use crate::thread::{self, VforkFrame};

/// Two words, returned in two registers.
#[repr(C)]
struct Entry {
    /// Null: there is nothing to record, jump to `next`.
    frame: *const VforkFrame,
    next: Function,
}

extern "C" fn enter(return_address: usize, frame_pointer: usize, saved_register: usize) -> Entry {
    let next = next::function(Symbol::vfork);
    let thread = thread::current();
    let index = thread.vforks.get();
    let begun = recorder::begin(Site {
        return_address,
        frame_pointer,
        stack_pointer: 0,
    });
    let (Some(begun), Some(frame)) = (begun, thread.vfork_frames.get(index as usize)) else {
        return Entry {
            frame: core::ptr::null(),
            next,
        };
    };
    frame.return_address.set(return_address);
    frame.saved_register.set(saved_register);
    frame.frame_pointer.set(frame_pointer);
    frame.time.set(begun.time());
    frame.ids.set(thread.ids());
    frame.index.set(index);
    thread.vforks.set(index + 1);
    compiler_fence(Ordering::SeqCst);
    Entry { frame, next }
}

/// Runs in the child with result 0, then in the parent.
///
/// # Safety
/// `frame` is what `enter` returned to this thread.
unsafe extern "C" fn leave(frame: *const VforkFrame, result: usize) -> usize {
    let thread = thread::current();
    // SAFETY: a frame of this thread's block, which parent and child share.
    let frame = unsafe { &*frame };
    if result as i32 == 0 {
        thread.set_ids(sys::pid(), sys::tid());
    } else {
        let (pid, tid) = frame.ids.get();
        thread.set_ids(pid, tid);
        thread.vforks.set(frame.index.get());
    }
    let site = Site {
        return_address: frame.return_address.get(),
        frame_pointer: frame.frame_pointer.get(),
        stack_pointer: 0,
    };
    recorder::finish(
        Begun::at(site, frame.time.get()),
        Call::Vfork,
        Outcome::int(result),
        [0; 6],
    );
    result
}

/// `pid_t vfork(void)`, see vfork(2).
///
/// # Safety
/// As vfork(2): the child may only exec or `_exit`.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn vfork() {
    core::arch::naked_asm!(
        "mov rdi, qword ptr [rsp]",
        "mov rsi, rbp",
        "mov rdx, rbx",
        "sub rsp, 8",
        "call {enter}",
        "add rsp, 8",
        "test rax, rax",
        "jz 2f",
        "mov rbx, rax",
        "pop rcx", // the return address, kept in the frame
        "call rdx",
        "mov rdi, rbx",
        "mov rsi, rax",
        "call {leave}",
        "mov rcx, qword ptr [rbx + {return_address}]",
        "mov rbx, qword ptr [rbx + {saved_register}]",
        "push rcx",
        "ret",
        "2:",
        "jmp rdx",
        enter = sym enter,
        leave = sym leave,
        return_address = const offset_of!(VforkFrame, return_address),
        saved_register = const offset_of!(VforkFrame, saved_register),
    )
}

/// `pid_t vfork(void)`, see vfork(2).
///
/// # Safety
/// As vfork(2): the child may only exec or `_exit`.
#[cfg(target_arch = "aarch64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn vfork() {
    core::arch::naked_asm!(
        "hint #34", // a landing pad where branch targets are checked
        "mov x0, x30",
        "mov x1, x29",
        "mov x2, x19",
        "stp x29, x30, [sp, #-16]!",
        "bl {enter}",
        "ldp x29, x30, [sp], #16",
        "mov x16, x1",
        "cbz x0, 2f",
        "mov x19, x0",
        "blr x16",
        "mov x1, x0",
        "mov x0, x19",
        "bl {leave}",
        "ldr x30, [x19, {return_address}]",
        "ldr x19, [x19, {saved_register}]",
        "ret",
        "2:",
        "br x16",
        enter = sym enter,
        leave = sym leave,
        return_address = const offset_of!(VforkFrame, return_address),
        saved_register = const offset_of!(VforkFrame, saved_register),
    )
}
