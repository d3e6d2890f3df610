//! `mmap`, `mmap64`, `munmap`, `mremap`, under their own names and under the prefix `partage_`: what they do to an
//! attachment counts.

use crate::own_names::own_names;
use crate::{address, int};
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
    unsafe { map(addr, len, prot, flags, fd, off64_t::from(offset)) }
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
    unsafe { map(addr, len, prot, flags, fd, offset) }
}

/// What is behind all names of mmap(2). It is a part of each: some programs overwrite the beginning of these functions with
/// a jump of their own, for which a single jump to another name would be too short.
///
/// # Safety
/// As for [`partage_mmap`].
#[inline(always)]
unsafe fn map(
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
    unsafe { unmap(addr, len) }
}

/// What is behind both names of munmap(2), for the same reason as [`map`].
///
/// # Safety
/// As for [`partage_munmap`].
#[inline(always)]
unsafe fn unmap(addr: *mut c_void, len: size_t) -> c_int {
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
    // SAFETY: the caller's promise.
    unsafe { remap(old_address, old_size, new_size, flags, new_address) }
}

/// What is behind both names of mremap(2), for the same reason as [`map`].
///
/// # Safety
/// As for [`partage_mremap`].
#[inline(always)]
unsafe fn remap(
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

/// Locks this process's memory; segments that are attached later included, with `MCL_FUTURE`. Returns 0, or -1 with errno:
///
/// - `EINVAL` unknown `flags`, or none
/// - `ENOMEM` more than `RLIMIT_MEMLOCK`
/// - `EPERM` no right to lock memory
///
/// Source: mlockall(2), POSIX.
#[unsafe(no_mangle)]
pub extern "C" fn partage_mlockall(flags: c_int) -> c_int {
    int(mapping::mlockall(flags).map(|()| 0))
}

/// Unlocks this process's memory. Returns 0, or -1 with errno:
///
/// - `EPERM` no right to
///
/// Source: munlockall(2), POSIX.
#[unsafe(no_mangle)]
pub extern "C" fn partage_munlockall() -> c_int {
    int(mapping::munlockall().map(|()| 0))
}

own_names! {
    mmap(addr: *mut c_void, len: size_t, prot: c_int, flags: c_int, fd: c_int, offset: off_t) -> *mut c_void =
        map(addr, len, prot, flags, fd, off64_t::from(offset));
    mmap64(addr: *mut c_void, len: size_t, prot: c_int, flags: c_int, fd: c_int, offset: off64_t) -> *mut c_void =
        map(addr, len, prot, flags, fd, offset);
    munmap(addr: *mut c_void, len: size_t) -> c_int = unmap(addr, len);
    mremap(
        old_address: *mut c_void, old_size: size_t, new_size: size_t, flags: c_int, new_address: *mut c_void
    ) -> *mut c_void = remap(old_address, old_size, new_size, flags, new_address);
    mlockall(flags: c_int) -> c_int = partage_mlockall(flags);
    munlockall() -> c_int = partage_munlockall();
}
