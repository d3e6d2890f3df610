//! The mmap family, and the page size.

use super::arch::syscall;
use super::environment;
use crate::error::{Errno, Result};
use once_cell::race::OnceNonZeroUsize;

/// Bytes in a page of this system.
pub fn page_size() -> usize {
    static SIZE: OnceNonZeroUsize = OnceNonZeroUsize::new();
    const SMALLEST: core::num::NonZeroUsize = core::num::NonZeroUsize::new(4096).unwrap();
    SIZE.get_or_init(|| {
        core::num::NonZeroUsize::new(environment::auxiliary(libc::AT_PAGESZ)).unwrap_or(SMALLEST)
    })
    .get()
}

/// `bytes` rounded up to whole pages; `None` when that overflows.
pub fn page_round(bytes: usize) -> Option<usize> {
    let mask = page_size() - 1;
    Some(bytes.checked_add(mask)? & !mask)
}

/// Where the memory of programs ends.
#[cfg(target_arch = "x86_64")]
pub(crate) const USER_SPACE: usize = (1 << 47) - 4096;
/// Where the memory of programs ends.
#[cfg(all(target_pointer_width = "64", not(target_arch = "x86_64")))]
pub(crate) const USER_SPACE: usize = 1 << 48;
/// Where the memory of programs ends.
#[cfg(target_pointer_width = "32")]
pub(crate) const USER_SPACE: usize = usize::MAX - 4095;

/// mmap(2).
///
/// # Safety
/// With `MAP_FIXED`, nothing in the range may be in use.
pub unsafe fn map(
    address: usize,
    len: usize,
    prot: i32,
    flags: i32,
    fd: i32,
    offset: i64,
) -> Result<usize> {
    #[cfg(target_pointer_width = "64")]
    // SAFETY: the caller's promise.
    return unsafe { syscall!(libc::SYS_mmap, address, len, prot, flags, fd, offset) };
    #[cfg(target_pointer_width = "32")]
    // SAFETY: the caller's promise; mmap2 counts offsets in units of 4096 bytes.
    return unsafe { syscall!(libc::SYS_mmap2, address, len, prot, flags, fd, offset >> 12) };
}

/// munmap(2).
///
/// # Safety
/// Nothing in the range may be in use.
pub unsafe fn unmap(address: usize, len: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(libc::SYS_munmap, address, len) }.map(drop)
}

/// mremap(2).
///
/// # Safety
/// As for [`unmap`] of the old range, and with `MREMAP_FIXED` of the new one.
pub unsafe fn remap(
    old: usize,
    old_len: usize,
    new_len: usize,
    flags: i32,
    new: usize,
) -> Result<usize> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(libc::SYS_mremap, old, old_len, new_len, flags, new) }
}

/// Private zeroed memory of our own, whole pages.
pub(crate) fn map_private(len: usize) -> Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel chooses a free range.
    unsafe { map(0, len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) }
}

/// Maps `len` bytes of a bookkeeping file for shared access: kept out of core dumps, and not read in at once for a
/// process under `mlockall(MCL_FUTURE)`.
pub(crate) fn map_bookkeeping(fd: i32, len: usize, offset: i64, prot: i32) -> Result<usize> {
    // SAFETY: the kernel chooses a free range; nobody else knows of it while it is made ready.
    unsafe {
        let address = map(0, len, libc::PROT_NONE, libc::MAP_SHARED, fd, offset)?;
        let _ = syscall!(libc::SYS_munlock, address, len);
        let _ = advise(address, len, libc::MADV_DONTDUMP);
        if let Err(error) = syscall!(libc::SYS_mprotect, address, len, prot) {
            let _ = unmap(address, len);
            return Err(error);
        }
        Ok(address)
    }
}

/// A token mapping: it is never accessed, it only keeps the open file description of `fd` alive.
pub(crate) fn map_token(fd: i32) -> Result<usize> {
    // SAFETY: the kernel chooses a free range.
    unsafe { map(0, page_size(), libc::PROT_NONE, libc::MAP_SHARED, fd, 0) }
}

/// madvise(2).
///
/// # Safety
/// The advice must not destroy contents that are in use.
pub(crate) unsafe fn advise(address: usize, len: usize, advice: i32) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(libc::SYS_madvise, address, len, advice) }.map(drop)
}

/// Whether every page of the range is mapped by something: `msync(MS_ASYNC)` writes nothing and answers `ENOMEM`
/// for a hole, and only then.
pub(crate) fn is_mapped(address: usize, len: usize) -> bool {
    // SAFETY: the call changes nothing.
    let asked = unsafe { syscall!(libc::SYS_msync, address, len, libc::MS_ASYNC) };
    asked != Err(Errno::ENOMEM)
}

/// Keeps pages of the range in memory from when they are first touched.
pub(crate) fn lock_on_fault(address: usize, len: usize) -> Result<()> {
    const MLOCK_ONFAULT: usize = 1;
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_mlock2, address, len, MLOCK_ONFAULT) }.map(drop)
}

/// munlock(2).
pub(crate) fn unlock(address: usize, len: usize) -> Result<()> {
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_munlock, address, len) }.map(drop)
}
