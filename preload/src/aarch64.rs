//! Entry points on aarch64. `x16` and `x17` hold no argument: the linker itself uses them between functions.

#![allow(
    unreachable_pub,
    reason = "what is exported to C is not reachable from Rust"
)]

use crate::{by_number, next};
use core::arch::naked_asm;

/// Jumps to the next definition; the first time, finds it with all arguments kept.
macro_rules! go_on {
    () => {
        "adrp x16, {next}
        ldr x16, [x16, :lo12:{next}]
        cbz x16, 2f
        br x16
    2:
        stp x29, x30, [sp, #-80]!
        mov x29, sp
        stp x0, x1, [sp, #16]
        stp x2, x3, [sp, #32]
        stp x4, x5, [sp, #48]
        stp x6, x7, [sp, #64]
        bl {find}
        mov x16, x0
        ldp x0, x1, [sp, #16]
        ldp x2, x3, [sp, #32]
        ldp x4, x5, [sp, #48]
        ldp x6, x7, [sp, #64]
        ldp x29, x30, [sp], #80
        br x16"
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
        "and w1, w1, {keep}",
        go_on!(),
        keep = const !libc::RTLD_DEEPBIND as u32,
        next = sym next::DLOPEN,
        find = sym next::find_dlopen,
    )
}

/// syscall(2), the System V calls by this library.
///
/// # Safety
/// As for syscall(2).
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall() {
    naked_asm!(
        "cmp x0, {nr_shmget}",
        "b.eq {shmget}",
        "cmp x0, {nr_shmat}",
        "b.eq {shmat}",
        "cmp x0, {nr_shmdt}",
        "b.eq {shmdt}",
        "cmp x0, {nr_shmctl}",
        "b.eq {shmctl}",
        go_on!(),
        nr_shmget = const libc::SYS_shmget,
        nr_shmat = const libc::SYS_shmat,
        nr_shmdt = const libc::SYS_shmdt,
        nr_shmctl = const libc::SYS_shmctl,
        shmget = sym by_number::shmget,
        shmat = sym by_number::shmat,
        shmdt = sym by_number::shmdt,
        shmctl = sym by_number::shmctl,
        next = sym next::SYSCALL,
        find = sym next::find_syscall,
    )
}
