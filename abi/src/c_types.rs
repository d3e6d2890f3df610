//! The structures of `<sys/shm.h>`, checked against the `libc` crate's, and how they are copied from and to memory that
//! a caller named.

use core::mem::{offset_of, size_of};
#[cfg(target_pointer_width = "64")]
use libc::time_t;
use libc::{c_int, c_ulong, gid_t, key_t, pid_t, uid_t};
use partage_core::Result;
use partage_core::os::user_memory;
use partage_core::sysv::{Limits, Status, Usage};

/// `struct ipc_perm`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct IpcPerm {
    pub(crate) key: key_t,
    pub(crate) uid: uid_t,
    pub(crate) gid: gid_t,
    pub(crate) cuid: uid_t,
    pub(crate) cgid: gid_t,
    pub(crate) mode: u32,
    pub(crate) seq: u32,
    #[cfg(target_pointer_width = "64")]
    pad: u32,
    reserved: [c_ulong; 2],
}

/// `struct shmid_ds`.
#[cfg(target_pointer_width = "64")]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmidDs {
    pub(crate) perm: IpcPerm,
    segsz: usize,
    atime: time_t,
    dtime: time_t,
    ctime: time_t,
    cpid: pid_t,
    lpid: pid_t,
    nattch: c_ulong,
    reserved: [c_ulong; 2],
}

/// `struct shmid_ds` of 32-bit ABIs, where a second word holds the upper half of each time.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmidDs {
    pub(crate) perm: IpcPerm,
    segsz: usize,
    atime: c_ulong,
    atime_high: c_ulong,
    dtime: c_ulong,
    dtime_high: c_ulong,
    ctime: c_ulong,
    ctime_high: c_ulong,
    cpid: pid_t,
    lpid: pid_t,
    nattch: c_ulong,
    reserved: [c_ulong; 2],
}

/// A limit as a C `unsigned long`; one that does not fit is no limit, which is what the kernel calls its default.
#[allow(
    clippy::useless_conversion,
    reason = "not useless where a long has 32 bits"
)]
fn word(number: u64) -> c_ulong {
    number.try_into().unwrap_or(c_ulong::MAX - (1 << 24))
}

/// `struct shminfo`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmInfo {
    shmmax: c_ulong,
    shmmin: c_ulong,
    shmmni: c_ulong,
    shmseg: c_ulong,
    shmall: c_ulong,
    reserved: [c_ulong; 4],
}

/// `struct shm_info`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ShmUsage {
    used_ids: c_int,
    #[cfg(target_pointer_width = "64")]
    pad: u32,
    tot: c_ulong,
    rss: c_ulong,
    swp: c_ulong,
    swap_attempts: c_ulong,
    swap_successes: c_ulong,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<IpcPerm>() == 48 && size_of::<IpcPerm>() == size_of::<libc::ipc_perm>());
    assert!(size_of::<ShmidDs>() == 112 && size_of::<ShmidDs>() == size_of::<libc::shmid_ds>());
    assert!(size_of::<ShmInfo>() == 72 && size_of::<ShmUsage>() == 48);
    assert!(offset_of!(IpcPerm, uid) == offset_of!(libc::ipc_perm, uid));
    assert!(offset_of!(IpcPerm, cuid) == offset_of!(libc::ipc_perm, cuid));
    assert!(offset_of!(IpcPerm, mode) == offset_of!(libc::ipc_perm, mode));
    assert!(offset_of!(IpcPerm, seq) == offset_of!(libc::ipc_perm, __seq));
    assert!(offset_of!(ShmidDs, perm) == offset_of!(libc::shmid_ds, shm_perm));
    assert!(offset_of!(ShmidDs, segsz) == offset_of!(libc::shmid_ds, shm_segsz));
    assert!(offset_of!(ShmidDs, atime) == offset_of!(libc::shmid_ds, shm_atime));
    assert!(offset_of!(ShmidDs, dtime) == offset_of!(libc::shmid_ds, shm_dtime));
    assert!(offset_of!(ShmidDs, ctime) == offset_of!(libc::shmid_ds, shm_ctime));
    assert!(offset_of!(ShmidDs, cpid) == offset_of!(libc::shmid_ds, shm_cpid));
    assert!(offset_of!(ShmidDs, lpid) == offset_of!(libc::shmid_ds, shm_lpid));
    assert!(offset_of!(ShmidDs, nattch) == offset_of!(libc::shmid_ds, shm_nattch));
    assert!(offset_of!(ShmUsage, tot) == 8 && offset_of!(ShmUsage, swap_successes) == 40);
};

// The kernel's own 32-bit layouts, which are glibc's with a time_t of 32 bits.
#[cfg(target_pointer_width = "32")]
const _: () = {
    assert!(size_of::<IpcPerm>() == 36 && offset_of!(IpcPerm, uid) == 4);
    assert!(offset_of!(IpcPerm, mode) == 20 && offset_of!(IpcPerm, seq) == 24);
    assert!(size_of::<ShmidDs>() == 84 && offset_of!(ShmidDs, segsz) == 36);
    assert!(offset_of!(ShmidDs, atime) == 40 && offset_of!(ShmidDs, atime_high) == 44);
    assert!(offset_of!(ShmidDs, dtime) == 48 && offset_of!(ShmidDs, ctime) == 56);
    assert!(offset_of!(ShmidDs, cpid) == 64 && offset_of!(ShmidDs, lpid) == 68);
    assert!(offset_of!(ShmidDs, nattch) == 72);
    assert!(size_of::<ShmInfo>() == 36 && offset_of!(ShmInfo, shmall) == 16);
    assert!(size_of::<ShmUsage>() == 24 && offset_of!(ShmUsage, tot) == 4);
};

#[cfg(all(target_arch = "x86", target_env = "gnu"))]
const _: () = {
    assert!(size_of::<ShmidDs>() == size_of::<libc::shmid_ds>());
    assert!(offset_of!(ShmidDs, segsz) == offset_of!(libc::shmid_ds, shm_segsz));
    assert!(offset_of!(ShmidDs, atime) == offset_of!(libc::shmid_ds, shm_atime));
    assert!(offset_of!(ShmidDs, ctime) == offset_of!(libc::shmid_ds, shm_ctime));
    assert!(offset_of!(ShmidDs, cpid) == offset_of!(libc::shmid_ds, shm_cpid));
    assert!(offset_of!(ShmidDs, nattch) == offset_of!(libc::shmid_ds, shm_nattch));
};

impl ShmidDs {
    pub(crate) fn new(status: &Status) -> ShmidDs {
        let perm = IpcPerm {
            key: status.key,
            uid: status.uid,
            gid: status.gid,
            cuid: status.cuid,
            cgid: status.cgid,
            mode: status.mode,
            // Sixteen bits and zero padding to glibc, a whole word to musl: the same bytes.
            seq: status.seq & 0xffff,
            ..IpcPerm::default()
        };
        ShmidDs {
            perm,
            segsz: status.segsz as usize,
            atime: status.atime as _,
            dtime: status.dtime as _,
            ctime: status.ctime as _,
            cpid: status.cpid,
            lpid: status.lpid,
            nattch: status.nattch.into(),
            #[cfg(target_pointer_width = "32")]
            atime_high: (status.atime >> 32) as c_ulong,
            #[cfg(target_pointer_width = "32")]
            dtime_high: (status.dtime >> 32) as c_ulong,
            #[cfg(target_pointer_width = "32")]
            ctime_high: (status.ctime >> 32) as c_ulong,
            ..ShmidDs::default()
        }
    }
}

impl ShmInfo {
    pub(crate) fn new(limits: &Limits) -> ShmInfo {
        ShmInfo {
            shmmax: word(limits.shmmax),
            shmmin: 1,
            shmmni: limits.shmmni.into(),
            // Linux reports the number of segments here and enforces nothing.
            shmseg: limits.shmmni.into(),
            shmall: word(limits.shmall),
            ..ShmInfo::default()
        }
    }
}

impl ShmUsage {
    pub(crate) fn new(usage: &Usage) -> ShmUsage {
        ShmUsage {
            used_ids: usage.used_ids as c_int,
            tot: usage.pages as c_ulong,
            rss: usage.resident_pages as c_ulong,
            ..ShmUsage::default()
        }
    }
}

/// Copies a structure to memory that the caller of a C function named.
///
/// # Errors
/// - `EFAULT` it cannot be written
///
/// # Safety
/// The memory is the caller's to give; that it can be written is found out here.
#[inline(always)]
pub(crate) unsafe fn copy_out<T: Copy>(value: &T, to: usize) -> Result<()> {
    user_memory::writable(to, size_of::<T>())?;
    // SAFETY: it can be written, and C callers need not align what they pass.
    unsafe { core::ptr::with_exposed_provenance_mut::<T>(to).write_unaligned(*value) };
    Ok(())
}

/// Copies a structure from memory that the caller of a C function named.
///
/// # Errors
/// - `EFAULT` it cannot be read
///
/// # Safety
/// Any bytes are a valid `T`.
pub(crate) unsafe fn copy_in<T: Copy>(from: usize) -> Result<T> {
    user_memory::readable(from, size_of::<T>())?;
    // SAFETY: it can be read, and C callers need not align what they pass.
    Ok(unsafe { core::ptr::with_exposed_provenance::<T>(from).read_unaligned() })
}
