//! The mmap family, and the page size. Tested by the C suite and `reliability/tests/faults`.

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

/// The address that munmap(2) and mremap(2) understand. On arm64, the kernel ignores a tag in the highest byte of an
/// existing mapping's address (Documentation/arch/arm64/tagged-address-abi.rst). shmat(2) and shmdt(2) take no tag.
#[cfg(target_arch = "aarch64")]
pub(crate) fn untagged(address: usize) -> usize {
    const TAG: u32 = 8;
    address & (((address << TAG) as isize >> TAG) as usize)
}

/// The address that munmap(2) and mremap(2) understand: the same one, on processors without tagged addresses.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) fn untagged(address: usize) -> usize {
    address
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
pub unsafe fn mmap(
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
pub unsafe fn munmap(address: usize, len: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(libc::SYS_munmap, address, len) }.map(drop)
}

/// mremap(2).
///
/// # Safety
/// As for [`munmap`] of the old range, and with `MREMAP_FIXED` of the new one.
pub unsafe fn mremap(
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
    unsafe { mmap(0, len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) }
}

/// Maps `len` bytes of the registry for shared access. It is kept out of core dumps, and not read in at once in a
/// process under `mlockall(MCL_FUTURE)`.
pub(crate) fn map_bookkeeping(fd: i32, len: usize, offset: i64, prot: i32) -> Result<usize> {
    let page = page_size();
    // SAFETY: the kernel chooses free ranges; nobody else knows of them while they are made ready.
    unsafe {
        // One page that is not locked: the pages by which it grows are not locked either, nor charged as locked.
        let first = mmap(0, page, libc::PROT_NONE, libc::MAP_SHARED, fd, offset)?;
        let _ = syscall!(libc::SYS_munlock, first, page);
        let address = match mremap(first, page, len, libc::MREMAP_MAYMOVE, 0) {
            Ok(address) => address,
            Err(error) => {
                let _ = munmap(first, page);
                return Err(error);
            }
        };
        let _ = madvise(address, len, libc::MADV_DONTDUMP);
        if let Err(error) = syscall!(libc::SYS_mprotect, address, len, prot) {
            let _ = munmap(address, len);
            return Err(error);
        }
        Ok(address)
    }
}

/// Maps a page of `fd` at `page`, which is address space of ours. The page is never accessed: it only keeps the open
/// file description of `fd` alive.
pub(crate) fn map_token(fd: i32, page: usize) -> Result<()> {
    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
    // SAFETY: the page is ours and never accessed.
    unsafe { mmap(page, page_size(), libc::PROT_NONE, flags, fd, 0) }.map(drop)
}

/// Unmaps the page that [`map_token`] mapped. The address space stays ours.
pub(crate) fn unmap_token(page: usize) {
    let _ = reserve_addresses(page, page_size(), libc::MAP_FIXED);
}

/// Address space without memory, for later: anywhere with an `address` of 0, else as the flag says.
///
/// # Errors
/// - `EEXIST` it is in use, with `MAP_FIXED_NOREPLACE`
pub(crate) fn reserve_addresses(address: usize, len: usize, how: i32) -> Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | how;
    // SAFETY: a free range, or with MAP_FIXED one of ours that is never accessed.
    let start = unsafe { mmap(address, len, libc::PROT_NONE, flags, -1, 0) }?;
    if address != 0 && start != address {
        // A kernel older than 4.17 takes MAP_FIXED_NOREPLACE for a hint.
        // SAFETY: mapped just now.
        let _ = unsafe { munmap(start, len) };
        return Err(Errno::EEXIST);
    }
    Ok(start)
}

/// Makes sure that pages of a shared file mapping have memory, so that an access to them is no fault.
///
/// # Errors
/// - `ENOSPC` the file system has no room for them
/// - `EINVAL` the kernel is older than 5.14
pub(crate) fn populate(address: usize, len: usize) -> Result<()> {
    const MADV_POPULATE_WRITE: i32 = 23;
    // SAFETY: the advice changes no contents.
    match unsafe { madvise(address, len, MADV_POPULATE_WRITE) } {
        Err(Errno::EFAULT) => Err(Errno::ENOSPC),
        other => other,
    }
}

/// msync(2): what was written to the mapping is on the disk.
pub(crate) fn sync(address: usize, len: usize) -> Result<()> {
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_msync, address, len, libc::MS_SYNC) }.map(drop)
}

/// madvise(2).
///
/// # Safety
/// The advice must not destroy contents that are in use.
pub(crate) unsafe fn madvise(address: usize, len: usize, advice: i32) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(libc::SYS_madvise, address, len, advice) }.map(drop)
}

/// Whether every page of the range is mapped: `msync(MS_ASYNC)` writes nothing, and answers `ENOMEM` only if there is a
/// hole.
pub(crate) fn is_mapped(address: usize, len: usize) -> bool {
    // SAFETY: the call changes nothing.
    let asked = unsafe { syscall!(libc::SYS_msync, address, len, libc::MS_ASYNC) };
    asked != Err(Errno::ENOMEM)
}

/// Keeps pages of the range from swapping, from when they are first touched.
pub(crate) fn lock_on_fault(address: usize, len: usize) -> Result<()> {
    const MLOCK_ONFAULT: usize = 1;
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_mlock2, address, len, MLOCK_ONFAULT) }.map(drop)
}

/// munlock(2).
pub(crate) fn munlock(address: usize, len: usize) -> Result<()> {
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_munlock, address, len) }.map(drop)
}

/// mlockall(2).
pub(crate) fn mlockall(flags: i32) -> Result<()> {
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_mlockall, flags) }.map(drop)
}

/// munlockall(2).
pub(crate) fn munlockall() -> Result<()> {
    // SAFETY: the call changes no contents.
    unsafe { syscall!(libc::SYS_munlockall) }.map(drop)
}
