//! The four System V calls as syscall(2) takes them: the number of the call comes first, and is not looked at again.
//!
//! They go past the exported functions of the same meaning: a program that makes them by number is one that has
//! overwritten those, and would end up here again.

use crate::abi::{int, sysv_calls};
use core::ffi::{c_int, c_long};
use libc::{key_t, size_t};

pub(crate) extern "C" fn shmget(_: c_long, key: key_t, size: size_t, shmflg: c_int) -> c_long {
    int(sysv_calls::get(key, size, shmflg)).into()
}

/// # Safety
/// As for shmat(2).
pub(crate) unsafe extern "C" fn shmat(
    _: c_long,
    shmid: c_int,
    shmaddr: usize,
    shmflg: c_int,
) -> c_long {
    // SAFETY: the caller's promise.
    let attached = unsafe { sysv_calls::attach(shmid, shmaddr, shmflg) };
    crate::abi::address::<()>(attached).addr() as c_long
}

/// # Safety
/// As for shmdt(2).
pub(crate) unsafe extern "C" fn shmdt(_: c_long, shmaddr: usize) -> c_long {
    // SAFETY: the caller's promise.
    int(unsafe { sysv_calls::detach(shmaddr) }).into()
}

/// # Safety
/// As for shmctl(2).
pub(crate) unsafe extern "C" fn shmctl(_: c_long, shmid: c_int, cmd: c_int, buf: usize) -> c_long {
    // SAFETY: the caller's promise.
    int(unsafe { sysv_calls::control(shmid, cmd, buf) }).into()
}
