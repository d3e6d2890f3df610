//! Entry points on x86-64. `r11` holds no argument, and a function may overwrite it.

#![allow(
    unreachable_pub,
    reason = "what is exported to C is not reachable from Rust"
)]

use crate::{by_number, next};
use core::arch::naked_asm;

/// Jumps to the next definition; the first time, finds it with all arguments kept. At entry the stack is eight bytes off
/// its alignment: seven pushes set it right.
macro_rules! go_on {
    () => {
        "mov r11, qword ptr [rip + {next}]
        test r11, r11
        jz 2f
        jmp r11
    2:
        push rax
        push rdi
        push rsi
        push rdx
        push rcx
        push r8
        push r9
        call {find}
        mov r11, rax
        pop r9
        pop r8
        pop rcx
        pop rdx
        pop rsi
        pop rdi
        pop rax
        jmp r11"
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
        "and esi, {keep}",
        go_on!(),
        keep = const !libc::RTLD_DEEPBIND,
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
        "cmp rdi, {nr_shmget}",
        "je {shmget}",
        "cmp rdi, {nr_shmat}",
        "je {shmat}",
        "cmp rdi, {nr_shmdt}",
        "je {shmdt}",
        "cmp rdi, {nr_shmctl}",
        "je {shmctl}",
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
