//! A few instructions that hand a hook the argument registers, the return address and the caller's frame and stack
//! pointers, which no compiled function could learn.

/// Calls the hook with the six argument registers as they came, and three words more.
macro_rules! trampoline {
    ($hook:path) => {
        #[cfg(target_arch = "x86_64")]
        core::arch::naked_asm!(
            ".cfi_startproc",
            "endbr64",
            "push rsp",
            ".cfi_adjust_cfa_offset 8",
            "push rbp",
            ".cfi_adjust_cfa_offset 8",
            "push qword ptr [rsp + 16]",
            ".cfi_adjust_cfa_offset 8",
            "call {hook}",
            "add rsp, 24",
            ".cfi_adjust_cfa_offset -24",
            "ret",
            ".cfi_endproc",
            hook = sym $hook,
        );
        #[cfg(target_arch = "aarch64")]
        core::arch::naked_asm!(
            ".cfi_startproc",
            "hint #34",
            "mov x6, x30",
            "mov x7, x29",
            "mov x16, sp",
            "sub sp, sp, #32",
            ".cfi_def_cfa_offset 32",
            "str x16, [sp]",
            "stp x29, x30, [sp, #16]",
            ".cfi_offset x29, -16",
            ".cfi_offset x30, -8",
            "add x29, sp, #16",
            "bl {hook}",
            "ldp x29, x30, [sp, #16]",
            "add sp, sp, #32",
            ".cfi_restore x29",
            ".cfi_restore x30",
            ".cfi_def_cfa_offset 0",
            "ret",
            ".cfi_endproc",
            hook = sym $hook,
        );
    };
}

macro_rules! entered {
    ($($name:ident = $hook:path, $symbol:ident;)*) => { $(
        pub(super) extern "C" fn $name(
            a: usize, b: usize, c: usize, d: usize, e: usize, f: usize,
            return_address: usize, frame_pointer: usize, stack_pointer: usize,
        ) -> usize {
            $hook(Symbol::$symbol, [a, b, c, d, e, f], Site { return_address, frame_pointer, stack_pointer })
        }
    )* };
}

pub(crate) use {entered, trampoline};
