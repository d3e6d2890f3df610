//! What serves while the next definition of a symbol is being looked up, and for symbols that this libc lacks: the bare
//! system call with libc's way of reporting errors.

use core::ffi::c_int;

use crate::sys::{check, syscall};

/// libc's way: -1 and errno.
fn report(result: usize) -> usize {
    match check(result) {
        Ok(value) => value,
        Err(error) => {
            // SAFETY: errno's address is valid in every thread.
            unsafe { *libc::errno::location() = error.0 };
            usize::MAX
        }
    }
}

/// A function by the name of the C function that it stands for; all have one type, that of a function with six words.
macro_rules! fallbacks {
    ($($(#[$doc:meta])* $name:ident = |$words:pat_param| $body:expr;)*) => { $(
        $(#[$doc])*
        #[allow(unused_unsafe, reason = "a few call nothing")]
        pub(crate) unsafe extern "C" fn $name(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> usize {
            let $words = [a, b, c, d, e, f];
            // SAFETY: the arguments are the caller's, of the C function of that name; what is called with them demands
            // no more than it does.
            unsafe { $body }
        }
    )* };
}

/// Those that only wrap a system call.
macro_rules! direct {
    ($($name:ident = $number:ident;)*) => {
        fallbacks! { $($name = |words| report(syscall(libc::$number, words));)* }
    };
}

direct! {
    shmget = SYS_shmget;
    shmat = SYS_shmat;
    shmdt = SYS_shmdt;
    shmctl = SYS_shmctl;
    mmap = SYS_mmap;
    munmap = SYS_munmap;
    mremap = SYS_mremap;
    mprotect = SYS_mprotect;
    ftruncate = SYS_ftruncate;
    fallocate = SYS_fallocate;
    close = SYS_close;
    dup = SYS_dup;
    dup3 = SYS_dup3;
    fcntl = SYS_fcntl;
    close_range = SYS_close_range;
    execve = SYS_execve;
    execveat = SYS_execveat;
    openat = SYS_openat;
    memfd_create = SYS_memfd_create;
    prctl = SYS_prctl;
    chroot = SYS_chroot;
    setrlimit = SYS_setrlimit;
    prlimit = SYS_prlimit64;
    unlinkat = SYS_unlinkat;
    exit = SYS_exit_group;
    wait4 = SYS_wait4;
    renameat2 = SYS_renameat2;
    linkat = SYS_linkat;
}

const AT_FDCWD: usize = libc::AT_FDCWD as isize as usize;
const CREAT: usize = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as usize;

fallbacks! {
    open = |[path, flags, mode, ..]| openat(AT_FDCWD, path, flags, mode, 0, 0);
    creat = |[path, mode, ..]| openat(AT_FDCWD, path, CREAT, mode, 0, 0);
    unlink = |[path, ..]| unlinkat(AT_FDCWD, path, 0, 0, 0, 0);
    rename = |[old, new, ..]| renameat2(AT_FDCWD, old, AT_FDCWD, new, 0, 0);
    renameat = |[from, old, to, new, ..]| renameat2(from, old, to, new, 0, 0);
    link = |[old, new, ..]| linkat(AT_FDCWD, old, AT_FDCWD, new, 0, 0);
    /// To itself a descriptor is not duplicated, but it has to be one: `F_GETFD` says `EBADF` too.
    dup2 = |[old, new, ..]| if old as c_int != new as c_int {
        dup3(old, new, 0, 0, 0, 0)
    } else {
        match fcntl(old, libc::F_GETFD as usize, 0, 0, 0, 0) {
            usize::MAX => usize::MAX,
            _ => new,
        }
    };
    posix_fallocate = |[fd, offset, len, ..]| {
        match check(syscall(libc::SYS_fallocate, [fd, 0, offset, len, 0, 0])) {
            Ok(_) => 0,
            Err(error) => error.0 as usize,
        }
    };
    closefrom = |[low, ..]| {
        close_range((low as c_int).max(0) as usize, c_int::MAX as usize, 0, 0, 0, 0)
    };
    /// Without a new stack or thread-locals, as fork makes it.
    fork = |_| report(syscall(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]));
    /// For what cannot be done without libc: it fails and says so.
    unavailable = |_| report((libc::ENOSYS as usize).wrapping_neg());
    /// The same for functions that return a pointer, null for an error.
    unavailable_null = |_| {
        report((libc::ENOSYS as usize).wrapping_neg());
        0
    };
    /// The same for functions that return their error.
    unavailable_code = |_| libc::ENOSYS as usize;
}

/// syscall(2) where the C library has none.
///
/// # Safety
/// As for syscall(2).
pub(crate) unsafe extern "C" fn bare_syscall(
    number: libc::c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> usize {
    // SAFETY: the caller's promise.
    report(unsafe { syscall(number, [a, b, c, d, e, f]) })
}
