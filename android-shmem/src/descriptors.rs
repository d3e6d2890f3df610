//! A segment's memory by descriptor: Termux's proot maps it into the programs that it traces, and keeps it attached
//! meanwhile.
//!
//! A descriptor counts as an attachment of this process, once for each call that gave it. All calls for one segment give the
//! same descriptor, as in Termux's own library; the last `libandroid_shmdt_fd` closes it.

#![allow(
    unreachable_pub,
    reason = "what is exported to C is not reachable from Rust"
)]

use crate::turn::Turn;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use libc::size_t;
use partage_abi::{int, sysv_calls};
use partage_core::os;
use partage_core::os::memory::page_round;
use partage_core::sysv;
use partage_core::{Errno, Result};

/// What one call of `libandroid_shmat_fd` gave. Written by whoever has the turn.
struct Lent {
    /// The segment, and the descriptor plus one; 0 for none.
    what: AtomicU64,
    /// The attachment that counts for it.
    address: AtomicUsize,
}

/// As many as a process may have at a time; proot has one for each segment in use.
const MOST: usize = 1024;

static ALL: [Lent; MOST] = [const {
    Lent {
        what: AtomicU64::new(0),
        address: AtomicUsize::new(0),
    }
}; MOST];

impl Lent {
    fn shmid(&self) -> c_int {
        (self.what.load(Ordering::Relaxed) >> 32) as c_int
    }

    /// The descriptor; `None` where nothing is lent.
    fn descriptor(&self) -> Option<c_int> {
        (self.what.load(Ordering::Relaxed) as u32)
            .checked_sub(1)
            .map(|descriptor| descriptor as c_int)
    }

    fn set(&self, shmid: c_int, descriptor: c_int, address: usize) {
        let what = (shmid as u32 as u64) << 32 | u64::from(descriptor as u32 + 1);
        self.address.store(address, Ordering::Relaxed);
        self.what.store(what, Ordering::Relaxed);
    }
}

/// Attaches a segment and gives a descriptor of its memory, open for reading and writing, and closed by exec; at `out_size`
/// the length in bytes of what can be mapped, whole pages. Returns -1 with errno:
///
/// - `EFAULT` `out_size` is null
/// - `ENFILE` 1024 are lent
/// - `EDEADLK` called from a signal handler that interrupted a call of these two
/// - `ENOSYS` the kernel's own segments are in use, see `PARTAGE_BACKEND`
/// - others as shmat(2)
///
/// Source: Termux's library of this name.
///
/// # Safety
/// `out_size` is writable or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libandroid_shmat_fd(shmid: c_int, out_size: *mut size_t) -> c_int {
    if out_size.is_null() {
        return int(Err(Errno::EFAULT));
    }
    int(lend(shmid).map(|(descriptor, len)| {
        // SAFETY: the caller's promise.
        unsafe { *out_size = len };
        descriptor
    }))
}

/// Undoes one `libandroid_shmat_fd` that gave this descriptor. Returns 0, or -1 with errno:
///
/// - `EINVAL` none gave it, or all are undone
/// - `EDEADLK` as above
///
/// Source: Termux's library of this name, which answers 0 in the first case too.
#[unsafe(no_mangle)]
pub extern "C" fn libandroid_shmdt_fd(fd: c_int) -> c_int {
    int(take_back(fd).map(|()| 0))
}

fn lend(shmid: c_int) -> Result<(c_int, usize)> {
    let _turn = Turn::take()?;
    let place = ALL
        .iter()
        .find(|place| place.descriptor().is_none())
        .ok_or(Errno::ENFILE)?;
    // SAFETY: at an address of the library's choice.
    let address = unsafe { sysv_calls::attach(shmid, 0, 0) }?;
    match descriptor_of(shmid) {
        Ok((descriptor, len)) => {
            place.set(shmid, descriptor, address);
            Ok((descriptor, len))
        }
        Err(error) => {
            // SAFETY: attached above, and known to nobody.
            let _ = unsafe { sysv_calls::detach(address) };
            Err(error)
        }
    }
}

/// The descriptor that was given for this segment before, or a new one; and the length of the memory.
fn descriptor_of(shmid: c_int) -> Result<(c_int, usize)> {
    let (opened, size) = sysv::open(shmid)?;
    let len = page_round(size).ok_or(Errno::EOVERFLOW)?;
    let known = ALL
        .iter()
        .filter(|place| place.shmid() == shmid)
        .find_map(Lent::descriptor);
    if let Some(known) = known {
        let _ = os::close(opened);
        return Ok((known, len));
    }
    Ok((opened, len))
}

fn take_back(descriptor: c_int) -> Result<()> {
    let _turn = Turn::take()?;
    let of_it = || {
        ALL.iter()
            .filter(|place| place.descriptor() == Some(descriptor))
    };
    let place = of_it().next().ok_or(Errno::EINVAL)?;
    let is_last = of_it().nth(1).is_none();
    place.what.store(0, Ordering::Relaxed);
    if is_last {
        let _ = os::close(descriptor);
    }
    // SAFETY: attached by `lend`, which told nobody the address.
    unsafe { sysv_calls::detach(place.address.load(Ordering::Relaxed)) }.map(drop)
}
