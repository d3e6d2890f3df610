//! What answers the calls: the preloaded object, or the core that is linked into this program.

use crate::calls::{self, Result};
use partage_core::mapping::{self, RemapRequest};
use partage_core::sysv::{self, AttachRequest, GetRequest, Owner};

/// The calls of a process that shares memory. No reference into attached memory is ever made.
pub trait Calls {
    /// shmget(2).
    ///
    /// # Errors
    /// errno.
    fn get(key: i32, size: usize, flags: i32) -> Result<i32>;
    /// shmat(2) where the system chooses.
    ///
    /// # Errors
    /// errno.
    fn attach(id: i32, flags: i32) -> Result<usize>;
    /// shmdt(2).
    ///
    /// # Errors
    /// errno.
    fn detach(address: usize) -> Result<()>;
    /// `IPC_STAT`.
    ///
    /// # Errors
    /// errno.
    fn stat(id: i32) -> Result<()>;
    /// `IPC_SET` of the mode alone.
    ///
    /// # Errors
    /// errno.
    fn set_mode(id: i32, mode: u16) -> Result<()>;
    /// `IPC_RMID`.
    ///
    /// # Errors
    /// errno.
    fn remove(id: i32) -> Result<()>;
    /// munmap(2).
    ///
    /// # Errors
    /// errno.
    fn unmap(address: usize, len: usize) -> Result<()>;
    /// mremap(2) that doubles a mapping.
    ///
    /// # Errors
    /// errno.
    fn double(address: usize, len: usize) -> Result<usize>;
}

/// The C names.
#[derive(Debug)]
pub struct Libc;

impl Calls for Libc {
    fn get(key: i32, size: usize, flags: i32) -> Result<i32> {
        calls::get(key, size, flags)
    }

    fn attach(id: i32, flags: i32) -> Result<usize> {
        calls::attach(id, flags)
    }

    fn detach(address: usize) -> Result<()> {
        calls::detach(address)
    }

    fn stat(id: i32) -> Result<()> {
        calls::stat(id).map(drop)
    }

    fn set_mode(id: i32, mode: u16) -> Result<()> {
        calls::set_mode(id, mode)
    }

    fn remove(id: i32) -> Result<()> {
        calls::remove(id)
    }

    fn unmap(address: usize, len: usize) -> Result<()> {
        calls::unmap(address, len)
    }

    fn double(address: usize, len: usize) -> Result<usize> {
        calls::double(address, len)
    }
}

/// The core, in this very program.
#[derive(Debug)]
pub struct Core;

/// errno, as the C names have it.
fn errno<T>(result: partage_core::Result<T>) -> Result<T> {
    result.map_err(|error| error.0)
}

impl Calls for Core {
    fn get(key: i32, size: usize, shmflg: i32) -> Result<i32> {
        errno(sysv::get(&GetRequest { key, size, shmflg })).map(|id| id as i32)
    }

    fn attach(shmid: i32, shmflg: i32) -> Result<usize> {
        let request = AttachRequest {
            shmid,
            shmaddr: 0,
            shmflg,
        };
        // SAFETY: a free place is chosen.
        errno(unsafe { sysv::attach(&request) })
    }

    fn detach(address: usize) -> Result<()> {
        // SAFETY: no reference into the memory is ever made.
        errno(unsafe { sysv::detach(address) })
    }

    fn stat(id: i32) -> Result<()> {
        errno(sysv::status(id)).map(drop)
    }

    fn set_mode(id: i32, mode: u16) -> Result<()> {
        let before = errno(sysv::status(id))?;
        let owner = Owner {
            uid: before.uid,
            gid: before.gid,
            mode: mode.into(),
        };
        errno(sysv::change_owner(id, owner))
    }

    fn remove(id: i32) -> Result<()> {
        errno(sysv::remove(id))
    }

    fn unmap(address: usize, len: usize) -> Result<()> {
        // SAFETY: no reference into the memory is ever made.
        errno(unsafe { mapping::munmap(address, len) })
    }

    fn double(address: usize, len: usize) -> Result<usize> {
        let request = RemapRequest {
            old_address: address,
            old_size: 0,
            new_size: len,
            flags: libc::MREMAP_MAYMOVE,
            new_address: 0,
        };
        // SAFETY: the old mapping stays, the new one goes where there is room.
        errno(unsafe { mapping::mremap(&request) })
    }
}
