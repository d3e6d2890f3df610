//! The next definition of each symbol: libc's, or that of a library preloaded after this one.

use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::{fallback, options, thread};

macro_rules! symbols {
    (named { $($name:ident = $text:literal, $fallback:ident;)* }
     numbered { $($(#[$cfg:meta])* $by:ident = $number:ident;)* }) => {
        /// The functions that are forwarded, and the calls that are made by number.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types)]
        pub(crate) enum Symbol { $($name,)* $($(#[$cfg])* $by,)* }

        impl Symbol {
            const ALL: &'static [Symbol] = &[$(Symbol::$name,)* $($(#[$cfg])* Symbol::$by,)*];

            /// The function's name; none of a call by number.
            const fn name(self) -> Option<&'static CStr> {
                match self {
                    $(Symbol::$name => Some($text),)*
                    $($(#[$cfg])* Symbol::$by => None,)*
                }
            }

            /// What to call while the next definition is being looked up, or where there is none; for a call by
            /// number, what makes it.
            fn fallback(self) -> Function {
                match self {
                    $(Symbol::$name => fallback::$fallback,)*
                    $($(#[$cfg])* Symbol::$by => numbered::$by,)*
                }
            }
        }

        /// Calls by number, each as a function of its six arguments. They go on as calls by number: a program that makes one may
        /// have overwritten the function of the same meaning.
        mod numbered {
            $(
                /// # Safety
                /// As the system call demands.
                $(#[$cfg])*
                pub(super) unsafe extern "C" fn $by(
                    a: usize, b: usize, c: usize, d: usize, e: usize, f: usize,
                ) -> usize {
                    // SAFETY: the caller's promise.
                    unsafe {
                        partage_capture::next::syscall(libc::$number, [a, b, c, d, e, f], crate::fallback::bare_syscall)
                    }
                }
            )*
        }
    };
}

symbols! {
    named {
        shmget = c"shmget", shmget;
        shmat = c"shmat", shmat;
        shmdt = c"shmdt", shmdt;
        shmctl = c"shmctl", shmctl;
        shm_open = c"shm_open", unavailable;
        shm_unlink = c"shm_unlink", unavailable;
        mmap = c"mmap", mmap;
        mmap64 = c"mmap64", mmap;
        munmap = c"munmap", munmap;
        mremap = c"mremap", mremap;
        mprotect = c"mprotect", mprotect;
        ftruncate = c"ftruncate", ftruncate;
        ftruncate64 = c"ftruncate64", ftruncate;
        fallocate = c"fallocate", fallocate;
        fallocate64 = c"fallocate64", fallocate;
        posix_fallocate = c"posix_fallocate", posix_fallocate;
        posix_fallocate64 = c"posix_fallocate64", posix_fallocate;
        close = c"close", close;
        dup = c"dup", dup;
        dup2 = c"dup2", dup2;
        dup3 = c"dup3", dup3;
        fcntl = c"fcntl", fcntl;
        fcntl64 = c"fcntl64", fcntl;
        fclose = c"fclose", unavailable;
        close_range = c"close_range", close_range;
        closefrom = c"closefrom", closefrom;
        fork = c"fork", fork;
        underscore_fork = c"_Fork", fork;
        vfork = c"vfork", unavailable;
        unshare = c"unshare", unavailable;
        setns = c"setns", unavailable;
        prctl = c"prctl", prctl;
        chroot = c"chroot", chroot;
        setrlimit = c"setrlimit", setrlimit;
        setrlimit64 = c"setrlimit64", setrlimit;
        prlimit = c"prlimit", prlimit;
        prlimit64 = c"prlimit64", prlimit;
        execve = c"execve", execve;
        execv = c"execv", unavailable;
        execvp = c"execvp", unavailable;
        execvpe = c"execvpe", unavailable;
        fexecve = c"fexecve", unavailable;
        execveat = c"execveat", execveat;
        posix_spawn = c"posix_spawn", unavailable_code;
        posix_spawnp = c"posix_spawnp", unavailable_code;
        exit = c"exit", exit;
        quick_exit = c"quick_exit", exit;
        underscore_exit = c"_exit", exit;
        open = c"open", open;
        open64 = c"open64", open;
        open_2 = c"__open_2", open;
        open64_2 = c"__open64_2", open;
        openat = c"openat", openat;
        openat64 = c"openat64", openat;
        openat_2 = c"__openat_2", openat;
        openat64_2 = c"__openat64_2", openat;
        creat = c"creat", creat;
        creat64 = c"creat64", creat;
        memfd_create = c"memfd_create", memfd_create;
        unlink = c"unlink", unlink;
        unlinkat = c"unlinkat", unlinkat;
        dlclose = c"dlclose", unavailable;
        sem_open = c"sem_open", unavailable_null;
        sem_close = c"sem_close", unavailable;
        sem_unlink = c"sem_unlink", unavailable;
        sigaction = c"sigaction", unavailable;
        underscore_sigaction = c"__sigaction", unavailable;
        signal = c"signal", unavailable;
        bsd_signal = c"bsd_signal", unavailable;
        ssignal = c"ssignal", unavailable;
        sysv_signal = c"sysv_signal", unavailable;
        underscore_sysv_signal = c"__sysv_signal", unavailable;
        sigset = c"sigset", unavailable;
        remove = c"remove", unlink;
        rename = c"rename", rename;
        renameat = c"renameat", renameat;
        renameat2 = c"renameat2", renameat2;
        link = c"link", link;
        linkat = c"linkat", linkat;
        fopen = c"fopen", unavailable_null;
        fopen64 = c"fopen64", unavailable_null;
        freopen = c"freopen", unavailable_null;
        freopen64 = c"freopen64", unavailable_null;
        mkstemp = c"mkstemp", unavailable;
        mkstemp64 = c"mkstemp64", unavailable;
        mkostemp = c"mkostemp", unavailable;
        mkostemp64 = c"mkostemp64", unavailable;
        mkstemps = c"mkstemps", unavailable;
        mkstemps64 = c"mkstemps64", unavailable;
        mkostemps = c"mkostemps", unavailable;
        mkostemps64 = c"mkostemps64", unavailable;
        wait = c"wait", unavailable;
        wait3 = c"wait3", unavailable;
        waitpid = c"waitpid", unavailable;
        wait4 = c"wait4", wait4;
        waitid = c"waitid", unavailable;
    }
    numbered {
        by_shmget = SYS_shmget;
        by_shmat = SYS_shmat;
        by_shmdt = SYS_shmdt;
        by_shmctl = SYS_shmctl;
        by_memfd_create = SYS_memfd_create;
        by_mmap = SYS_mmap;
        by_munmap = SYS_munmap;
        by_mremap = SYS_mremap;
        by_mprotect = SYS_mprotect;
        by_ftruncate = SYS_ftruncate;
        by_fallocate = SYS_fallocate;
        by_close = SYS_close;
        by_dup = SYS_dup;
        by_dup3 = SYS_dup3;
        by_fcntl = SYS_fcntl;
        by_close_range = SYS_close_range;
        by_execve = SYS_execve;
        by_execveat = SYS_execveat;
        by_openat = SYS_openat;
        by_openat2 = SYS_openat2;
        by_unlinkat = SYS_unlinkat;
        by_exit_group = SYS_exit_group;
        by_wait4 = SYS_wait4;
        by_prctl = SYS_prctl;
        by_seccomp = SYS_seccomp;
        by_rt_sigaction = SYS_rt_sigaction;
        by_renameat2 = SYS_renameat2;
        by_linkat = SYS_linkat;
        #[cfg(target_arch = "x86_64")]
        by_renameat = SYS_renameat;
        #[cfg(target_arch = "x86_64")]
        by_rename = SYS_rename;
        #[cfg(target_arch = "x86_64")]
        by_link = SYS_link;
        #[cfg(target_arch = "x86_64")]
        by_open = SYS_open;
        #[cfg(target_arch = "x86_64")]
        by_creat = SYS_creat;
        #[cfg(target_arch = "x86_64")]
        by_unlink = SYS_unlink;
        #[cfg(target_arch = "x86_64")]
        by_dup2 = SYS_dup2;
        #[cfg(target_arch = "x86_64")]
        by_fork = SYS_fork;
    }
}

/// Every function as its caller sees it: up to six register arguments, one result. Passing more registers than a
/// function has parameters is harmless in the C calling conventions of both machines.
pub(crate) type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> usize;

/// Addresses by symbol, 0 where not looked up yet. Also read by `shortcuts.rs`, in assembly.
pub(crate) static FOUND: [AtomicUsize; Symbol::ALL.len()] =
    [const { AtomicUsize::new(0) }; Symbol::ALL.len()];

/// The next definition of `symbol`.
#[inline(always)]
pub(crate) fn function(symbol: Symbol) -> Function {
    let address = FOUND
        .get(symbol as usize)
        .map_or(0, |slot| slot.load(Ordering::Relaxed));
    if address == 0 {
        return look_up(symbol);
    }
    // SAFETY: only `look_up` stores here, and only addresses of functions.
    unsafe { core::mem::transmute::<usize, Function>(address) }
}

/// Calls the next definition of `symbol`.
///
/// # Safety
/// As the C function demands; the arguments are the caller's own.
#[inline(always)]
pub(crate) unsafe fn call(symbol: Symbol, args: [usize; 6]) -> usize {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller's promise.
    unsafe { function(symbol)(a, b, c, d, e, f) }
}

/// To look up may allocate, and an allocator may call what we export: in that re-entry the fallback serves.
#[cold]
#[inline(never)]
fn look_up(symbol: Symbol) -> Function {
    if !options::can_load() {
        return symbol.fallback();
    }
    let thread = thread::current();
    if thread.resolving.replace(true) {
        return symbol.fallback();
    }
    let found = symbol.name().map_or(0, next_definition);
    thread.resolving.set(false);
    let next = if found == 0 {
        symbol.fallback()
    } else {
        as_function(found)
    };
    if let Some(slot) = FOUND.get(symbol as usize) {
        slot.store(next as usize, Ordering::Relaxed);
    }
    next
}

/// Where the function of this name is that comes behind ours; 0 if there is none.
pub(crate) fn next_definition(name: &CStr) -> usize {
    // SAFETY: the name is NUL-terminated, and the handle one of dlsym's own.
    unsafe { partage_capture::next::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

fn as_function(found: usize) -> Function {
    // SAFETY: dlsym found a function of this name, which follows the C calling convention.
    unsafe { core::mem::transmute::<usize, Function>(found) }
}

/// Looks up everything now, so that later calls, in signal handlers too, find it.
pub(crate) fn look_up_all() {
    for symbol in Symbol::ALL {
        function(*symbol);
    }
}
