//! `close` and the anonymous `mmap`, which programs call all the time on what is not shared memory: decided in a few
//! instructions, and handed on by a jump, so that no frame of ours is returned through. All else goes the usual way.

use core::arch::naked_asm;

use crate::usual;
#[cfg(target_arch = "x86_64")]
use crate::{
    descriptors::{SHARED, TRACKED},
    hooks::memory::{PLAIN, TELLING},
    next::{FOUND, Symbol},
};

/// `mmap` of private anonymous memory at an address of the kernel's choice.
macro_rules! mmap {
    ($($name:ident;)*) => { $(
        /// See mmap(2).
        ///
        /// # Safety
        /// As mmap(2).
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            naked_asm!(
                "endbr64",
                "mov eax, ecx", // the flags
                "and eax, {telling}",
                "cmp eax, {plain}",
                "jne {usual}",
                "mov rax, qword ptr [rip + {found} + {index} * 8]",
                "test rax, rax", // not looked up yet
                "jz {usual}",
                "jmp rax",
                telling = const TELLING,
                plain = const PLAIN,
                found = sym FOUND,
                index = const Symbol::$name as usize,
                usual = sym usual::$name,
            );
            #[cfg(target_arch = "aarch64")]
            naked_asm!("hint #34", "b {usual}", usual = sym usual::$name);
        }
    )* };
}

mmap! {
    mmap;
    mmap64;
}

/// See close(2).
///
/// # Safety
/// As close(2).
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn close() {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "endbr64",
        "cmp edi, {tracked}", // negative numbers are above it
        "jae {usual}",
        "mov eax, edi",
        "shr eax, 6",
        "lea rcx, [rip + {shared}]",
        "mov rcx, qword ptr [rcx + rax * 8]",
        "mov eax, edi",
        "bt rcx, rax", // the lowest six bits of the number
        "jc {usual}",
        "mov rax, qword ptr [rip + {found} + {index} * 8]",
        "test rax, rax",
        "jz {usual}",
        "jmp rax",
        tracked = const TRACKED,
        shared = sym SHARED,
        found = sym FOUND,
        index = const Symbol::close as usize,
        usual = sym usual::close,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!("hint #34", "b {usual}", usual = sym usual::close);
}
