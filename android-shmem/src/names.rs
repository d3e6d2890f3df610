//! The four System V calls. Each does what its namesake without the prefix does, and sets errno as that does.

#![allow(
    unreachable_pub,
    reason = "what is exported to C is not reachable from Rust"
)]

use core::ffi::{c_int, c_void};
use libc::{key_t, shmid_ds, size_t};
use partage_abi::{address, int, sysv_calls};

/// shmget(2).
#[unsafe(no_mangle)]
pub extern "C" fn libandroid_shmget(key: key_t, size: size_t, shmflg: c_int) -> c_int {
    int(sysv_calls::get(key, size, shmflg))
}

/// shmat(2).
///
/// # Safety
/// As for shmat(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libandroid_shmat(
    shmid: c_int,
    shmaddr: *const c_void,
    shmflg: c_int,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    address(unsafe { sysv_calls::attach(shmid, shmaddr.expose_provenance(), shmflg) })
}

/// shmdt(2).
///
/// # Safety
/// As for shmdt(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libandroid_shmdt(shmaddr: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    int(unsafe { sysv_calls::detach(shmaddr.addr()) })
}

/// shmctl(2).
///
/// # Safety
/// As for shmctl(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libandroid_shmctl(shmid: c_int, cmd: c_int, buf: *mut shmid_ds) -> c_int {
    // SAFETY: the caller's promise.
    int(unsafe { sysv_calls::control(shmid, cmd, buf.expose_provenance()) })
}
