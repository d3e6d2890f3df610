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
            unsafe { *libc::__errno_location() = error.0 };
            usize::MAX
        }
    }
}

macro_rules! direct {
    ($($name:ident = $number:ident;)*) => { $(
        pub(crate) unsafe extern "C" fn $name(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> usize {
            // SAFETY: the arguments are the caller's, of the C function that only wraps this system call.
            report(unsafe { syscall(libc::$number, [a, b, c, d, e, f]) })
        }
    )* };
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
    unlinkat = SYS_unlinkat;
    exit = SYS_exit_group;
}

const AT_FDCWD: usize = libc::AT_FDCWD as isize as usize;

pub(crate) unsafe extern "C" fn open(
    path: usize,
    flags: usize,
    mode: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    // SAFETY: as open demands.
    unsafe { openat(AT_FDCWD, path, flags, mode, 0, 0) }
}

pub(crate) unsafe extern "C" fn creat(
    path: usize,
    mode: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    let flags = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as usize;
    // SAFETY: as creat demands.
    unsafe { openat(AT_FDCWD, path, flags, mode, 0, 0) }
}

pub(crate) unsafe extern "C" fn unlink(
    path: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    // SAFETY: as unlink demands.
    unsafe { unlinkat(AT_FDCWD, path, 0, 0, 0, 0) }
}

pub(crate) unsafe extern "C" fn dup2(
    old: usize,
    new: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    if old as c_int == new as c_int {
        // SAFETY: F_GETFD takes no memory; it tells a bad descriptor by EBADF, as dup2 does.
        let known = unsafe { fcntl(old, libc::F_GETFD as usize, 0, 0, 0, 0) };
        return if known == usize::MAX { known } else { new };
    }
    // SAFETY: as dup2 demands.
    unsafe { dup3(old, new, 0, 0, 0, 0) }
}

pub(crate) unsafe extern "C" fn posix_fallocate(
    fd: usize,
    offset: usize,
    len: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    // SAFETY: fallocate takes no memory.
    match check(unsafe { syscall(libc::SYS_fallocate, [fd, 0, offset, len, 0, 0]) }) {
        Ok(_) => 0,
        Err(error) => error.0 as usize,
    }
}

pub(crate) unsafe extern "C" fn closefrom(
    low: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    let first = (low as c_int).max(0) as usize;
    // SAFETY: as closefrom demands.
    unsafe { close_range(first, c_int::MAX as usize, 0, 0, 0, 0) }
}

pub(crate) unsafe extern "C" fn fork(
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    // SAFETY: a fork without new stack or thread-locals, as fork makes it.
    report(unsafe { syscall(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]) })
}

/// For what cannot be done without libc: it fails and says so.
pub(crate) unsafe extern "C" fn unavailable(
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    report((libc::ENOSYS as usize).wrapping_neg())
}

/// As `unavailable`, for functions that return their error.
pub(crate) unsafe extern "C" fn unavailable_code(
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
) -> usize {
    libc::ENOSYS as usize
}
