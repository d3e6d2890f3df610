//! Entry points on aarch64. `x16` and `x17` hold no argument: the linker itself uses them between functions.

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

/// Calls `$function` with all argument registers kept; the result is in x16.
macro_rules! asking {
    ($function:literal) => {
        concat!(
            "stp x29, x30, [sp, #-80]!
        mov x29, sp
        stp x0, x1, [sp, #16]
        stp x2, x3, [sp, #32]
        stp x4, x5, [sp, #48]
        stp x6, x7, [sp, #64]
        bl ",
            $function,
            "
        mov x16, x0
        ldp x0, x1, [sp, #16]
        ldp x2, x3, [sp, #32]
        ldp x4, x5, [sp, #48]
        ldp x6, x7, [sp, #64]
        ldp x29, x30, [sp], #80"
        )
    };
}

/// Jumps to the next definition; the first time, finds it with all arguments kept.
macro_rules! go_on {
    () => {
        concat!(
            "adrp x16, {next}
        ldr x16, [x16, :lo12:{next}]
        cbnz x16, 9f
        ",
            asking!("{find}"),
            "
    9:
        br x16"
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
        "hint #34",
        "and w1, w1, {keep}",
        asking!("{note}"),
        go_on!(),
        keep = const !libc::RTLD_DEEPBIND as u32,
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
        "hint #34",
        "and w2, w2, {keep}",
        "cmn x0, #1", // LM_ID_NEWLM
        "b.ne 2f",
        asking!("{note}"),
        "2:",
        go_on!(),
        keep = const !libc::RTLD_DEEPBIND as u32,
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
        "hint #34",
        "add x16, x0, #1",
        "cmp x16, #1",
        "b.ls 2f",
        "adrp x2, {entries}",
        "add x2, x2, :lo12:{entries}",
        "b {by_handle}",
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
        "hint #34",
        "add x16, x0, #1",
        "cmp x16, #1",
        "b.ls 2f",
        "adrp x3, {entries}",
        "add x3, x3, :lo12:{entries}",
        "b {by_handle}",
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
        "hint #34",
        "cmp x0, {most}",
        "b.hs 2f",
        "adrp x16, {numbers}",
        "add x16, x16, :lo12:{numbers}",
        "lsr x17, x0, #6",
        "ldr x16, [x16, x17, lsl #3]",
        "lsr x16, x16, x0", // by the lowest six bits of the number
        "tbz x16, #0, 2f",
        "mov x7, x30",
        "stp x29, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x29, -16",
        ".cfi_offset x30, -8",
        "str x29, [sp, #-16]!",
        ".cfi_def_cfa_offset 32",
        "add x29, sp, #16",
        "bl {by_number}",
        "add sp, sp, #16",
        ".cfi_def_cfa_offset 16",
        "ldp x29, x30, [sp], #16",
        ".cfi_restore x29",
        ".cfi_restore x30",
        ".cfi_def_cfa_offset 0",
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
