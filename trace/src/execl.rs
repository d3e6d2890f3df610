//! execl, execlp, execle: their argument lists become arrays where they stand.
//!
//! The register arguments are pushed right below those that the caller put on the stack, which makes one array of all
//! of them; the array form of the same function does the rest.

use core::arch::naked_asm;

use crate::frames::Site;
use crate::hooks::exec;
use crate::next::Symbol;

const WORD: usize = size_of::<usize>();

extern "C" fn list(path: usize, argv: usize, return_address: usize, frame_pointer: usize) -> usize {
    exec::same_environment(
        Symbol::execv,
        [path, argv, 0, 0, 0, 0],
        Site {
            return_address,
            frame_pointer,
            stack_pointer: 0,
        },
    )
}

extern "C" fn list_searched(
    path: usize,
    argv: usize,
    return_address: usize,
    frame_pointer: usize,
) -> usize {
    exec::same_environment(
        Symbol::execvp,
        [path, argv, 0, 0, 0, 0],
        Site {
            return_address,
            frame_pointer,
            stack_pointer: 0,
        },
    )
}

/// # Safety
/// `argv` is an array that ends with a null pointer, and the environment follows it.
unsafe extern "C" fn list_environment(
    path: usize,
    argv: usize,
    return_address: usize,
    frame_pointer: usize,
) -> usize {
    let mut at = argv as *const usize;
    // SAFETY: the caller's list ends with a null pointer, as execle demands, and one more argument follows.
    let environment = unsafe {
        while *at != 0 {
            at = at.byte_add(WORD);
        }
        *at.byte_add(WORD)
    };
    let site = Site {
        return_address,
        frame_pointer,
        stack_pointer: 0,
    };
    exec::with_environment(Symbol::execve, [path, argv, environment, 0, 0, 0], site)
}

macro_rules! exports {
    ($($name:ident = $hook:path;)*) => { $(
        /// The C function of this name, see exec(3).
        ///
        /// # Safety
        /// As exec(3): the list ends with a null pointer.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            naked_asm!(
                ".cfi_startproc",
                "endbr64",
                "pop r11",
                "push r9",
                "push r8",
                "push rcx",
                "push rdx",
                "push rsi",
                "mov rsi, rsp",
                "push r11",
                ".cfi_def_cfa_offset 48",
                ".cfi_offset rip, -48",
                "mov rdx, r11",
                "mov rcx, rbp",
                "call {hook}",
                "pop r11",
                "add rsp, 40",
                "push r11",
                ".cfi_def_cfa_offset 8",
                ".cfi_offset rip, -8",
                "ret",
                ".cfi_endproc",
                hook = sym $hook,
            );
            #[cfg(target_arch = "aarch64")]
            naked_asm!(
                "hint #34",
                "stp x29, x30, [sp, #-80]!",
                "stp x1, x2, [sp, #24]",
                "stp x3, x4, [sp, #40]",
                "stp x5, x6, [sp, #56]",
                "str x7, [sp, #72]",
                "add x1, sp, #24",
                "mov x2, x30",
                "mov x3, x29",
                "mov x29, sp",
                "bl {hook}",
                "ldp x29, x30, [sp], #80",
                "ret",
                hook = sym $hook,
            );
        }
    )* };
}

exports! {
    execl = list;
    execlp = list_searched;
    execle = list_environment;
}
