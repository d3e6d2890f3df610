//! The exported C functions: for each a few instructions that hand its hook the argument registers, the return address
//! and the caller's frame pointer, which no compiled function could learn.

use core::arch::naked_asm;

use crate::frames::Site;
use crate::hooks::{descriptors, exec, memory, paths, process, sysv};
use crate::next::Symbol;

/// Calls the hook with the six argument registers as they came, and two words on the stack.
macro_rules! trampoline {
    ($hook:path) => {
        #[cfg(target_arch = "x86_64")]
        naked_asm!(
            ".cfi_startproc",
            "endbr64",
            "sub rsp, 8",
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
        naked_asm!(
            ".cfi_startproc",
            "hint #34",
            "mov x6, x30",
            "mov x7, x29",
            "stp x29, x30, [sp, #-16]!",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset x29, -16",
            ".cfi_offset x30, -8",
            "mov x29, sp",
            "bl {hook}",
            "ldp x29, x30, [sp], #16",
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
            a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, return_address: usize, frame_pointer: usize,
        ) -> usize {
            $hook(Symbol::$symbol, [a, b, c, d, e, f], Site { return_address, frame_pointer })
        }
    )* };
}

macro_rules! exports {
    ($($name:ident = $hook:path, $symbol:ident;)*) => {
        /// What the trampolines call, by the name of the export.
        #[allow(non_snake_case)]
        mod entered {
            use super::*;

            entered! { $($name = $hook, $symbol;)* }
        }

        $(
            /// The C function of this name, see its man page: forwarded, and recorded where it concerns shared memory.
            ///
            /// # Safety
            /// As the C function demands.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            #[allow(non_snake_case)]
            pub(crate) unsafe extern "C" fn $name() {
                trampoline!(entered::$name);
            }
        )*
    };
}

/// The usual way of the functions that `shortcuts.rs` exports.
macro_rules! usual {
    ($($name:ident = $hook:path, $symbol:ident;)*) => {
        pub(crate) mod usual {
            use super::*;

            mod entered {
                use super::*;

                entered! { $($name = $hook, $symbol;)* }
            }

            $(
                /// # Safety
                /// As the C function of this name demands.
                #[unsafe(naked)]
                pub(crate) unsafe extern "C" fn $name() {
                    trampoline!(entered::$name);
                }
            )*
        }
    };
}

usual! {
    mmap = memory::mmap, mmap;
    mmap64 = memory::mmap, mmap64;
    close = descriptors::close, close;
}

exports! {
    shmget = sysv::shmget, shmget;
    shmat = sysv::shmat, shmat;
    shmdt = sysv::shmdt, shmdt;
    shmctl = sysv::shmctl, shmctl;
    shm_open = paths::shm_open, shm_open;
    shm_unlink = paths::shm_unlink, shm_unlink;
    memfd_create = paths::memfd_create, memfd_create;
    open = paths::open, open;
    open64 = paths::open, open64;
    __open_2 = paths::open, open_2;
    __open64_2 = paths::open, open64_2;
    openat = paths::openat, openat;
    openat64 = paths::openat, openat64;
    __openat_2 = paths::openat, openat_2;
    __openat64_2 = paths::openat, openat64_2;
    creat = paths::creat, creat;
    creat64 = paths::creat, creat64;
    unlink = paths::unlink, unlink;
    unlinkat = paths::unlinkat, unlinkat;
    munmap = memory::munmap, munmap;
    mremap = memory::mremap, mremap;
    mprotect = memory::mprotect, mprotect;
    ftruncate = descriptors::ftruncate, ftruncate;
    ftruncate64 = descriptors::ftruncate, ftruncate64;
    fallocate = descriptors::fallocate, fallocate;
    fallocate64 = descriptors::fallocate, fallocate64;
    posix_fallocate = descriptors::posix_fallocate, posix_fallocate;
    posix_fallocate64 = descriptors::posix_fallocate, posix_fallocate64;
    fclose = descriptors::fclose, fclose;
    dup = descriptors::dup, dup;
    dup2 = descriptors::dup_onto, dup2;
    dup3 = descriptors::dup_onto, dup3;
    fcntl = descriptors::fcntl, fcntl;
    fcntl64 = descriptors::fcntl, fcntl64;
    close_range = descriptors::close_range, close_range;
    closefrom = descriptors::closefrom, closefrom;
    fork = process::fork, fork;
    _Fork = process::fork, underscore_fork;
    exit = process::exit, exit;
    quick_exit = process::exit, quick_exit;
    _exit = process::underscore_exit, underscore_exit;
    _Exit = process::underscore_exit, underscore_exit;
    dlclose = process::dlclose, dlclose;
    execve = exec::with_environment, execve;
    execvpe = exec::with_environment, execvpe;
    execv = exec::same_environment, execv;
    execvp = exec::same_environment, execvp;
    fexecve = exec::fexecve, fexecve;
    execveat = exec::execveat, execveat;
    posix_spawn = exec::posix_spawn, posix_spawn;
    posix_spawnp = exec::posix_spawn, posix_spawnp;
}
