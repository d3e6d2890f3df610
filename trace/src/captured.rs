//! System calls made by number, syscall(2), and functions found by a handle of the C library: they come to the hooks of
//! the functions of the same meaning.

use partage_trace_format::header::flag;

use crate::exports::EXPORTS;
use crate::fallback::bare_syscall;
use crate::frames::Site;
use crate::hooks::{
    descriptors, exec, handlers, memory, moves, paths, process as processes, sandbox, sysv, waits,
};
use crate::next::Symbol;
use crate::{file, modules, process};
use partage_capture::Numbers;

partage_capture::entry_points! {
    exports: EXPORTS,
    numbers: NUMBERS,
    by_number: by_number,
    bare_syscall: bare_syscall,
    loading: loading,
    new_namespace: new_namespace,
}

macro_rules! numbers {
    ($($(#[$cfg:meta])* $number:ident = $hook:path, $symbol:ident;)*) => {
        /// The calls that are recorded.
        static NUMBERS: Numbers = Numbers::new(&[$($(#[$cfg])* libc::$number,)*]);

        /// A call as syscall(2) takes it, and where it was made.
        ///
        /// # Safety
        /// As for syscall(2).
        unsafe extern "C" fn by_number(
            number: usize,
            a: usize,
            b: usize,
            c: usize,
            d: usize,
            e: usize,
            f: usize,
            return_address: usize,
            frame_pointer: usize,
        ) -> usize {
            let args = [a, b, c, d, e, f];
            let site = Site { return_address, frame_pointer, stack_pointer: 0 };
            match number as libc::c_long {
                $($(#[$cfg])* libc::$number => $hook(Symbol::$symbol, args, site),)*
                // SAFETY: the caller's own call, handed on.
                other => unsafe { bare_syscall(other, a, b, c, d, e, f) },
            }
        }
    };
}

// clone and vfork are not among them: a child that shares its parent's memory must not return through frames of ours.
numbers! {
    SYS_shmget = sysv::shmget, by_shmget;
    SYS_shmat = sysv::shmat, by_shmat;
    SYS_shmdt = sysv::shmdt, by_shmdt;
    SYS_shmctl = sysv::shmctl, by_shmctl;
    SYS_memfd_create = paths::memfd_create, by_memfd_create;
    SYS_openat = paths::openat, by_openat;
    SYS_openat2 = paths::openat2, by_openat2;
    SYS_unlinkat = paths::unlinkat, by_unlinkat;
    SYS_mmap = memory::mmap, by_mmap;
    SYS_munmap = memory::munmap, by_munmap;
    SYS_mremap = memory::mremap, by_mremap;
    SYS_mprotect = memory::mprotect, by_mprotect;
    SYS_ftruncate = descriptors::ftruncate, by_ftruncate;
    SYS_fallocate = descriptors::fallocate, by_fallocate;
    SYS_close = descriptors::close, by_close;
    SYS_dup = descriptors::dup, by_dup;
    SYS_dup3 = descriptors::dup_onto, by_dup3;
    SYS_fcntl = descriptors::fcntl, by_fcntl;
    SYS_close_range = descriptors::close_range, by_close_range;
    SYS_execve = exec::with_environment, by_execve;
    SYS_execveat = exec::execveat, by_execveat;
    SYS_wait4 = waits::waitpid, by_wait4;
    SYS_prctl = sandbox::prctl, by_prctl;
    SYS_seccomp = sandbox::seccomp, by_seccomp;
    SYS_rt_sigaction = handlers::by_number, by_rt_sigaction;
    SYS_renameat2 = moves::renameat, by_renameat2;
    SYS_linkat = moves::linkat, by_linkat;
    SYS_exit_group = processes::underscore_exit, by_exit_group;
    #[cfg(target_arch = "x86_64")]
    SYS_open = paths::open, by_open;
    #[cfg(target_arch = "x86_64")]
    SYS_creat = paths::creat, by_creat;
    #[cfg(target_arch = "x86_64")]
    SYS_unlink = paths::unlink, by_unlink;
    #[cfg(target_arch = "x86_64")]
    SYS_renameat = moves::renameat, by_renameat;
    #[cfg(target_arch = "x86_64")]
    SYS_rename = moves::rename, by_rename;
    #[cfg(target_arch = "x86_64")]
    SYS_link = moves::link, by_link;
    #[cfg(target_arch = "x86_64")]
    SYS_dup2 = descriptors::dup_onto, by_dup2;
    #[cfg(target_arch = "x86_64")]
    SYS_fork = processes::fork, by_fork;
}

/// Something is about to be loaded: code of it may call before any of its own calls is seen.
extern "C" fn loading() {
    modules::expect();
}

/// A new namespace: what is loaded there calls a C library of its own, unseen. The file says so.
extern "C" fn new_namespace() {
    if process::records()
        && let Some(header) = file::header()
    {
        header.set_flags(flag::NAMESPACES);
    }
}
