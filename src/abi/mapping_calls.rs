//! `mmap`, `mmap64`, `munmap`, `mremap`, under their own names and under the prefix `partage_`: what they do to an
//! attachment counts.

#![allow(
    unreachable_pub,
    reason = "what is exported to C is not reachable from Rust"
)]

use super::{address, int};
use core::ffi::{c_int, c_void};
use libc::{off_t, off64_t, size_t};
use partage_core::mapping::{self, RemapRequest};

/// Maps memory; over an attachment with `MAP_FIXED`, that is a detach too. `len` and `offset` in bytes. Returns its
/// address, or `MAP_FAILED` with errno:
///
/// - `EINVAL` `len` is 0, no or unknown `flags`, `offset` or a fixed `addr` not a multiple of the page size
/// - `EBADF` `fd` is not open
/// - `EACCES` `fd` is not open for what `prot` and `flags` ask for
/// - `ENODEV` `fd` cannot be mapped
/// - `EEXIST` the range is in use, with `MAP_FIXED_NOREPLACE`
/// - `ENOMEM` no address space or memory, or no room to count what is left of an attachment
/// - `EAGAIN` memory is locked (mlockall) and its limit reached
/// - `EOVERFLOW` `offset` and `len` together are too large
/// - `EPERM` `prot` or an address that is not allowed
///
/// Source: mmap(2), POSIX.
///
/// # Safety
/// With `MAP_FIXED`, what was mapped in the range is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_mmap(
    addr: *mut c_void,
    len: size_t,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    address(unsafe {
        mapping::mmap(
            addr.expose_provenance(),
            len,
            prot,
            flags,
            fd,
            off64_t::from(offset),
        )
    })
}

/// `partage_mmap` with an `offset` of 64 bits everywhere: units and errno are the same.
///
/// Source: mmap(2).
///
/// # Safety
/// As for `partage_mmap`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_mmap64(
    addr: *mut c_void,
    len: size_t,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: off64_t,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    address(unsafe { mapping::mmap(addr.expose_provenance(), len, prot, flags, fd, offset) })
}

/// Unmaps memory, attachments in it included; `len` in bytes, rounded up to pages. Returns 0, or -1 with errno:
///
/// - `EINVAL` `addr` is not a multiple of the page size, `len` is 0, the range is no program's, or cuts a huge page
/// - `ENOMEM` the rest would be too many mappings
///
/// Source: munmap(2), POSIX.
///
/// # Safety
/// The memory is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_munmap(addr: *mut c_void, len: size_t) -> c_int {
    // SAFETY: the caller's promise.
    int(unsafe { mapping::munmap(addr.expose_provenance(), len) }.map(|()| 0))
}

/// Resizes or moves a mapping; `new_address` counts with `MREMAP_FIXED`. Returns its address, or `MAP_FAILED` with errno
/// as mremap(2). C declares it with a variable argument; where that is missing, what is read here is not used.
///
/// Source: mremap(2).
///
/// # Safety
/// The old memory, and with `MREMAP_FIXED` what was at the new address, is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_mremap(
    old_address: *mut c_void,
    old_size: size_t,
    new_size: size_t,
    flags: c_int,
    new_address: *mut c_void,
) -> *mut c_void {
    let request = RemapRequest {
        old_address: old_address.expose_provenance(),
        old_size,
        new_size,
        flags,
        new_address: new_address.expose_provenance(),
    };
    // SAFETY: the caller's promise.
    address(unsafe { mapping::mremap(&request) })
}

/// [`partage_mmap`] under its own name.
///
/// # Safety
/// As for [`partage_mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    addr: *mut c_void,
    len: size_t,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { partage_mmap(addr, len, prot, flags, fd, offset) }
}

/// [`partage_mmap64`] under its own name.
///
/// # Safety
/// As for [`partage_mmap64`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    addr: *mut c_void,
    len: size_t,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: off64_t,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { partage_mmap64(addr, len, prot, flags, fd, offset) }
}

/// [`partage_munmap`] under its own name.
///
/// # Safety
/// As for [`partage_munmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(addr: *mut c_void, len: size_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { partage_munmap(addr, len) }
}

/// [`partage_mremap`] under its own name.
///
/// # Safety
/// As for [`partage_mremap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(
    old_address: *mut c_void,
    old_size: size_t,
    new_size: size_t,
    flags: c_int,
    new_address: *mut c_void,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { partage_mremap(old_address, old_size, new_size, flags, new_address) }
}
