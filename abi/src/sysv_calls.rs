//! `shmget`, `shmat`, `shmdt`, `shmctl`, under their own names and under the prefix `partage_`.

use crate::c_types::{ShmInfo, ShmUsage, ShmidDs, copy_in, copy_out};
use crate::own_names::own_names;
use crate::{address, int};
use core::ffi::{c_int, c_void};
use libc::{SHM_INFO, SHM_LOCK, SHM_STAT, SHM_STAT_ANY, SHM_UNLOCK, key_t, shmid_ds, size_t};
use partage_core::Result;
use partage_core::backend::{self, Backend};
use partage_core::sysv::{self, AttachRequest, GetRequest, Owner};

/// Finds the segment with a key, or makes one. `size` in bytes; returns the segment's id, or -1 with errno:
///
/// - `ENOENT` no segment has the key, and `IPC_CREAT` is not given
/// - `EEXIST` one has, and `IPC_CREAT | IPC_EXCL` is given
/// - `EACCES` the permission bits in `shmflg` are not granted
/// - `EINVAL` `size` is 0, too large, or larger than the existing segment
/// - `ENOSPC` too many segments or pages, or no room for the namespace
/// - `ENOMEM` the file system cannot hold it, or there are not enough huge pages free
/// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
/// - `EPERM` huge pages without the right to them
///
/// Source: shmget(2), POSIX.
#[unsafe(no_mangle)]
pub extern "C" fn partage_shmget(key: key_t, size: size_t, shmflg: c_int) -> c_int {
    int(get(key, size, shmflg))
}

/// shmget(2) of whichever backend it is.
pub fn get(key: key_t, size: size_t, shmflg: c_int) -> Result<c_int> {
    match backend::current() {
        Backend::Kernel => backend::kernel_shmget(key, size, shmflg),
        Backend::User => sysv::get(&GetRequest { key, size, shmflg }).map(|id| id as c_int),
    }
}

/// Maps a segment, whole, at a multiple of the page size. Returns its address, or `(void *) -1` with errno:
///
/// - `EINVAL` no such segment, or an address that is not aligned, not free, or missing with `SHM_REMAP`
/// - `EACCES` no permission
/// - `ENOMEM` no address space left, or no more attachments can be counted
/// - `ENOSPC` no room to count one more attachment
/// - `EAGAIN` memory is locked (mlockall) and its limit reached
/// - `EPERM` an address below `vm.mmap_min_addr`
/// - `EIDRM` the segment is gone
/// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
///
/// Source: shmop(2), POSIX.
///
/// # Safety
/// With `SHM_REMAP`, what was mapped in the range is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_shmat(
    shmid: c_int,
    shmaddr: *const c_void,
    shmflg: c_int,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    address(unsafe { attach(shmid, shmaddr.expose_provenance(), shmflg) })
}

/// shmat(2) of whichever backend it is.
///
/// # Safety
/// As for [`partage_shmat`].
pub unsafe fn attach(shmid: c_int, shmaddr: usize, shmflg: c_int) -> Result<usize> {
    // SAFETY: the caller's promise, in both cases.
    unsafe {
        match backend::current() {
            Backend::Kernel => backend::kernel_shmat(shmid, shmaddr, shmflg),
            Backend::User => sysv::attach(&AttachRequest {
                shmid,
                shmaddr,
                shmflg,
            }),
        }
    }
}

/// Unmaps the segment that was attached at `shmaddr`. Returns 0, or -1 with errno:
///
/// - `EINVAL` nothing is attached there
///
/// Source: shmop(2), POSIX.
///
/// # Safety
/// The memory is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_shmdt(shmaddr: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    int(unsafe { detach(shmaddr.expose_provenance()) })
}

/// shmdt(2) of whichever backend it is.
///
/// # Safety
/// As for [`partage_shmdt`].
pub unsafe fn detach(shmaddr: usize) -> Result<c_int> {
    // SAFETY: the caller's promise, in both cases.
    unsafe {
        match backend::current() {
            Backend::Kernel => backend::kernel_shmdt(shmaddr),
            Backend::User => sysv::detach(shmaddr),
        }
    }
    .map(|()| 0)
}

/// Looks at, changes or removes a segment. Returns 0 (an id for `SHM_STAT` and `SHM_STAT_ANY`, the highest slot in use
/// for `IPC_INFO` and `SHM_INFO`), or -1 with errno:
///
/// - `EINVAL` no such segment or command, or an owner of -1
/// - `EACCES` no permission to read
/// - `EPERM` neither owner nor creator, nor privileged
/// - `EFAULT` `buf` cannot be read or written
/// - `ENOMEM` `SHM_LOCK` over `RLIMIT_MEMLOCK`
/// - `EDEADLK` another process does not come to the end of a change of the segment: see `PARTAGE_PATIENCE`
/// - `EMFILE`, `ENFILE`, `ENOMEM`, `ENOSPC` the rights of the segment's file cannot be changed now
///
/// In `buf`, sizes are in bytes and times in seconds since 1970; `shmall`, `shm_tot` and `shm_rss` are in pages.
///
/// Source: shmctl(2), POSIX.
///
/// # Safety
/// `buf` is null or memory of the caller for the command's structure; an address that is bad is answered with `EFAULT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_shmctl(shmid: c_int, cmd: c_int, buf: *mut shmid_ds) -> c_int {
    // SAFETY: the caller's promise.
    int(unsafe { control(shmid, cmd, buf.expose_provenance()) })
}

/// shmctl(2) of whichever backend it is.
///
/// # Safety
/// As for [`partage_shmctl`].
pub unsafe fn control(shmid: c_int, cmd: c_int, buf: usize) -> Result<c_int> {
    // SAFETY: the caller's promise, in both cases.
    unsafe {
        match backend::current() {
            Backend::Kernel => backend::kernel_shmctl(shmid, cmd, buf),
            Backend::User => user_control(shmid, cmd, buf),
        }
    }
}

/// # Safety
/// As for [`partage_shmctl`].
unsafe fn user_control(shmid: c_int, cmd: c_int, buf: usize) -> Result<c_int> {
    match cmd {
        _ if shmid < 0 || cmd < 0 => Err(sysv::bad_arguments(shmid, cmd)),
        libc::IPC_RMID => sysv::remove(shmid).map(|()| 0),
        libc::IPC_SET => {
            // SAFETY: any bytes are a valid structure of numbers.
            let wanted = unsafe { copy_in::<ShmidDs>(buf) }?.perm;
            sysv::change_owner(
                shmid,
                Owner {
                    uid: wanted.uid,
                    gid: wanted.gid,
                    mode: wanted.mode,
                },
            )
            .map(|()| 0)
        }
        SHM_LOCK | SHM_UNLOCK => sysv::set_locked(shmid, cmd == SHM_LOCK).map(|()| 0),
        libc::IPC_STAT => {
            let status = sysv::status(shmid)?;
            // SAFETY: the caller's promise.
            unsafe { copy_out(&ShmidDs::new(&status), buf) }.map(|()| 0)
        }
        SHM_STAT | SHM_STAT_ANY => {
            let status = sysv::status_at(shmid, cmd == SHM_STAT_ANY)?;
            // SAFETY: the caller's promise.
            unsafe { copy_out(&ShmidDs::new(&status), buf) }.map(|()| status.shmid as c_int)
        }
        libc::IPC_INFO => {
            let (limits, highest) = sysv::limits()?;
            // SAFETY: the caller's promise.
            unsafe { copy_out(&ShmInfo::new(&limits), buf) }.map(|()| highest as c_int)
        }
        SHM_INFO => {
            let (usage, highest) = sysv::usage()?;
            // SAFETY: the caller's promise.
            unsafe { copy_out(&ShmUsage::new(&usage), buf) }.map(|()| highest as c_int)
        }
        _ => Err(sysv::bad_arguments(shmid, cmd)),
    }
}

// Under their own names, and not by way of the others: some programs overwrite the beginning of these functions with a jump
// of their own, for which a single jump would be too short.

own_names! {
    shmget(key: key_t, size: size_t, shmflg: c_int) -> c_int = int(get(key, size, shmflg));
    shmat(shmid: c_int, shmaddr: *const c_void, shmflg: c_int) -> *mut c_void =
        address(attach(shmid, shmaddr.expose_provenance(), shmflg));
    shmdt(shmaddr: *const c_void) -> c_int = int(detach(shmaddr.expose_provenance()));
    shmctl(shmid: c_int, cmd: c_int, buf: *mut shmid_ds) -> c_int = int(control(shmid, cmd, buf.expose_provenance()));
}
