//! Entry points on x86-64. `r11` holds no argument, and a function may overwrite it.

#![allow(
    unreachable_pub,
    reason = "what is exported to C is not reachable from Rust"
)]

use super::export::{Entries, entries};
use super::numbers::{self, ByNumber};
use super::{lookup, next};
use crate::captured;
use core::arch::naked_asm;

static ENTRIES: Entries = entries(
    dlopen as *const (),
    dlmopen as *const (),
    dlsym as *const (),
    dlvsym as *const (),
    syscall as *const (),
);

const _: ByNumber = captured::by_number;

/// Calls `$function` with all argument registers kept; the result is in r11. At entry the stack is eight bytes off its
/// alignment: seven pushes set it right.
macro_rules! asking {
    ($function:literal) => {
        concat!(
            "push rax
        push rdi
        push rsi
        push rdx
        push rcx
        push r8
        push r9
        call ",
            $function,
            "
        mov r11, rax
        pop r9
        pop r8
        pop rcx
        pop rdx
        pop rsi
        pop rdi
        pop rax"
        )
    };
}

/// Jumps to the next definition; the first time, finds it with all arguments kept.
macro_rules! go_on {
    () => {
        concat!(
            "mov r11, qword ptr [rip + {next}]
        test r11, r11
        jnz 9f
        ",
            asking!("{find}"),
            "
    9:
        jmp r11"
        )
    };
}

/// dlopen(3) without `RTLD_DEEPBIND`.
///
/// # Safety
/// As for dlopen(3).
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlopen() {
    naked_asm!(
        "endbr64",
        "and esi, {keep}",
        asking!("{note}"),
        go_on!(),
        keep = const !libc::RTLD_DEEPBIND,
        note = sym captured::loading,
        next = sym next::DLOPEN,
        find = sym next::find_dlopen,
    )
}

/// dlmopen(3) without `RTLD_DEEPBIND`, a new namespace noted.
///
/// # Safety
/// As for dlmopen(3).
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlmopen() {
    naked_asm!(
        "endbr64",
        "and edx, {keep}",
        "cmp rdi, -1", // LM_ID_NEWLM
        "jne 2f",
        asking!("{note}"),
        "2:",
        go_on!(),
        keep = const !libc::RTLD_DEEPBIND,
        note = sym captured::new_namespace,
        next = sym next::DLMOPEN,
        find = sym next::find_dlmopen,
    )
}

/// dlsym(3), by a handle with our functions in place of the C library's. `RTLD_DEFAULT` and `RTLD_NEXT`, which are 0
/// and -1, go on.
///
/// # Safety
/// As for dlsym(3).
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlsym() {
    naked_asm!(
        "endbr64",
        "lea r11, [rdi + 1]",
        "cmp r11, 1",
        "jbe 2f",
        "lea rdx, [rip + {entries}]",
        "jmp {by_handle}",
        "2:",
        go_on!(),
        entries = sym ENTRIES,
        by_handle = sym lookup::by_handle,
        next = sym next::DLSYM,
        find = sym next::find_dlsym,
    )
}

/// dlvsym(3), likewise.
///
/// # Safety
/// As for dlvsym(3).
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlvsym() {
    naked_asm!(
        "endbr64",
        "lea r11, [rdi + 1]",
        "cmp r11, 1",
        "jbe 2f",
        "lea rcx, [rip + {entries}]",
        "jmp {by_handle}",
        "2:",
        go_on!(),
        entries = sym ENTRIES,
        by_handle = sym lookup::by_handle_and_version,
        next = sym next::DLVSYM,
        find = sym next::find_dlvsym,
    )
}

/// syscall(2), some calls by this object: those get their seven arguments, the return address and the caller's frame
/// pointer.
///
/// # Safety
/// As for syscall(2).
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall() {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "cmp rdi, {most}",
        "jae 2f",
        "lea r11, [rip + {numbers}]",
        "bt qword ptr [r11], rdi",
        "jnc 2f",
        "push rbp",
        ".cfi_adjust_cfa_offset 8",
        "push qword ptr [rsp + 8]", // the return address
        ".cfi_adjust_cfa_offset 8",
        "push qword ptr [rsp + 24]", // the sixth argument of the call
        ".cfi_adjust_cfa_offset 8",
        "call {by_number}",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
        "ret",
        "2:",
        go_on!(),
        ".cfi_endproc",
        most = const numbers::NUMBERS,
        numbers = sym captured::NUMBERS,
        by_number = sym captured::by_number,
        next = sym next::SYSCALL,
        find = sym next::find_syscall,
    )
}
