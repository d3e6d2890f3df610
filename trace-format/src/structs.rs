//! The C structures that payloads carry, as 64-bit Linux lays them out (glibc, musl and the kernel agree).

use crate::bytes::{u16_at, u32_at, u64_at};

/// Size of `struct shmid_ds`, in bytes.
pub const SHMID_DS_SIZE: usize = 112;
/// Size of `struct shminfo`, in bytes.
pub const SHMINFO_SIZE: usize = 72;
/// Size of `struct shm_info`, in bytes.
pub const SHM_INFO_SIZE: usize = 48;
/// Size of a [`File`], in bytes.
pub const FILE_SIZE: usize = 24;

/// What tells a file from all others, and its size at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
}

impl File {
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        Some(File {
            device: u64_at(data, 0)?,
            inode: u64_at(data, 8)?,
            size: u64_at(data, 16)?,
        })
    }

    /// The bytes of an item.
    #[must_use]
    pub fn to_bytes(self) -> [u8; FILE_SIZE] {
        let mut bytes = [0; FILE_SIZE];
        let words = [self.device, self.inode, self.size].map(u64::to_le_bytes);
        for (place, byte) in bytes.iter_mut().zip(words.iter().flatten()) {
            *place = *byte;
        }
        bytes
    }
}

/// `struct shmid_ds`, see shmctl(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShmidDs {
    /// Key.
    pub key: u32,
    /// Owner.
    pub uid: u32,
    /// Owner's group.
    pub gid: u32,
    /// Creator.
    pub cuid: u32,
    /// Creator's group.
    pub cgid: u32,
    /// Permission bits, `SHM_DEST` and `SHM_LOCKED`.
    pub mode: u32,
    /// Sequence number.
    pub seq: u16,
    /// Size in bytes.
    pub segsz: u64,
    /// Last attach, seconds since 1970.
    pub atime: i64,
    /// Last detach, seconds since 1970.
    pub dtime: i64,
    /// Creation or last change, seconds since 1970.
    pub ctime: i64,
    /// Creator's pid.
    pub cpid: u32,
    /// Pid of the last attach or detach.
    pub lpid: u32,
    /// Attachments.
    pub nattch: u64,
}

impl ShmidDs {
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        data.get(..SHMID_DS_SIZE)?;
        Some(ShmidDs {
            key: u32_at(data, 0)?,
            uid: u32_at(data, 4)?,
            gid: u32_at(data, 8)?,
            cuid: u32_at(data, 12)?,
            cgid: u32_at(data, 16)?,
            mode: u32_at(data, 20)?,
            seq: u16_at(data, 24)?,
            segsz: u64_at(data, 48)?,
            atime: u64_at(data, 56)? as i64,
            dtime: u64_at(data, 64)? as i64,
            ctime: u64_at(data, 72)? as i64,
            cpid: u32_at(data, 80)?,
            lpid: u32_at(data, 84)?,
            nattch: u64_at(data, 88)?,
        })
    }
}

/// `struct shminfo`: the limits, see shmctl(2) under `IPC_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShmLimits {
    /// Largest segment, in bytes.
    pub shmmax: u64,
    /// Smallest segment, in bytes.
    pub shmmin: u64,
    /// Most segments.
    pub shmmni: u64,
    /// Most segments per process.
    pub shmseg: u64,
    /// Most pages in all segments.
    pub shmall: u64,
}

impl ShmLimits {
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        Some(ShmLimits {
            shmmax: u64_at(data, 0)?,
            shmmin: u64_at(data, 8)?,
            shmmni: u64_at(data, 16)?,
            shmseg: u64_at(data, 24)?,
            shmall: u64_at(data, 32)?,
        })
    }
}

/// `struct shm_info`: what is in use, see shmctl(2) under `SHM_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShmInfo {
    /// Segments.
    pub used_ids: u32,
    /// Pages in all segments.
    pub shm_tot: u64,
    /// Pages in memory.
    pub shm_rss: u64,
    /// Pages swapped out.
    pub shm_swp: u64,
}

impl ShmInfo {
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        Some(ShmInfo {
            used_ids: u32_at(data, 0)?,
            shm_tot: u64_at(data, 8)?,
            shm_rss: u64_at(data, 16)?,
            shm_swp: u64_at(data, 24)?,
        })
    }
}
