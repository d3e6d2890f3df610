//! Segments and attachments as Rust values: the compiler checks what it can.
//!
//! A [`Segment`] is an id and stays valid for as long as the segment exists; it owns nothing. An [`Attachment`] owns one
//! mapping and detaches when it goes out of scope. Other processes use the memory at the same time, so there are no
//! references to it: [`Attachment::read`] and [`Attachment::write`] copy byte by byte, each byte an atomic access.
//!
//! ```
//! use partage_core::api::{Access, Segment};
//!
//! # let namespace = std::env::temp_dir().join(format!("partage-doc-{}", std::process::id()));
//! # std::fs::create_dir(&namespace).unwrap();
//! # // SAFETY: no other thread runs.
//! # unsafe { std::env::set_var("PARTAGE_DIR", &namespace) };
//! # fn main_() -> partage_core::Result<()> {
//! let segment = Segment::create(0x1234, 100, 0o600)?;
//! let writer = segment.attach(Access::ReadWrite)?;
//! writer.write(10, b"shared")?;
//!
//! let reader = Segment::open(0x1234)?.attach(Access::ReadOnly)?;
//! let mut text = [0; 6];
//! reader.read(10, &mut text)?;
//! assert_eq!(&text, b"shared");
//! assert_eq!(segment.status()?.nattch, 2);
//!
//! assert!(reader.write(0, b"not this one").is_err());
//! assert!(writer.write(95, b"beyond its end").is_err());
//!
//! drop(reader);
//! drop(writer);
//! assert_eq!(segment.status()?.nattch, 0);
//! segment.remove()?;
//! assert!(segment.status().is_err());
//! # Ok(())
//! # }
//! # main_().unwrap();
//! # std::fs::remove_dir_all(&namespace).unwrap();
//! ```
//!
//! Tested by `tests/tests/model.rs` and the C suite.

use crate::error::{Errno, Result};
use crate::sync::{AtomicU8, Ordering};
use crate::sysv::{self, AttachRequest, GetRequest, Status};

/// A segment, by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Segment {
    id: i32,
}

/// What an attachment may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading, `SHM_RDONLY`.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

impl Segment {
    /// Makes a segment with this key, `size` in bytes, readable and writable as the permission bits say.
    ///
    /// # Errors
    /// `EEXIST` the key is taken; others as shmget(2).
    pub fn create(key: i32, size: usize, mode: u32) -> Result<Segment> {
        Self::get(
            key,
            size,
            libc::IPC_CREAT | libc::IPC_EXCL | (mode & 0o777) as i32,
        )
    }

    /// Makes a segment that has no key.
    ///
    /// # Errors
    /// As shmget(2).
    pub fn create_private(size: usize, mode: u32) -> Result<Segment> {
        Self::create(libc::IPC_PRIVATE, size, mode)
    }

    /// The segment with this key.
    ///
    /// # Errors
    /// `ENOENT` there is none; `EINVAL` the key is `IPC_PRIVATE`.
    pub fn open(key: i32) -> Result<Segment> {
        if key == libc::IPC_PRIVATE {
            return Err(Errno::EINVAL);
        }
        Self::get(key, 0, 0)
    }

    /// The segment with an id from elsewhere. Its first use shows whether there is one.
    #[must_use]
    pub fn from_id(id: i32) -> Segment {
        Segment { id }
    }

    /// The id.
    #[must_use]
    pub fn id(self) -> i32 {
        self.id
    }

    /// Maps the segment at an address that is free.
    ///
    /// # Errors
    /// As shmat(2).
    pub fn attach(self, access: Access) -> Result<Attachment> {
        let shmflg = match access {
            Access::ReadOnly => libc::SHM_RDONLY,
            Access::ReadWrite => 0,
        };
        let request = AttachRequest {
            shmid: self.id,
            shmaddr: 0,
            shmflg,
        };
        // SAFETY: at an address that is free, nothing is replaced.
        let address = unsafe { sysv::attach(&request) }?;
        // From here on it is detached, whatever happens.
        let mut attachment = Attachment {
            address,
            len: 0,
            access,
        };
        attachment.len = usize::try_from(self.status()?.segsz).map_err(|_| Errno::EOVERFLOW)?;
        Ok(attachment)
    }

    /// What shmctl(2) tells by `IPC_STAT`.
    ///
    /// # Errors
    /// `EINVAL` there is no such segment; `EACCES` it may not be read.
    pub fn status(self) -> Result<Status> {
        sysv::status(self.id)
    }

    /// Removes the segment; it goes with its last attachment.
    ///
    /// # Errors
    /// `EINVAL` there is no such segment; `EPERM` it is somebody else's.
    pub fn remove(self) -> Result<()> {
        sysv::remove(self.id)
    }

    fn get(key: i32, size: usize, shmflg: i32) -> Result<Segment> {
        let id = sysv::get(&GetRequest { key, size, shmflg })?;
        i32::try_from(id)
            .map(Segment::from_id)
            .map_err(|_| Errno::EOVERFLOW)
    }
}

/// One mapping of a segment, which ends with this value.
#[derive(Debug)]
pub struct Attachment {
    address: usize,
    len: usize,
    access: Access,
}

impl Attachment {
    /// The size of the segment, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// No segment is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first byte, for protocols of the program's own. It is valid for as long as this value is.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        core::ptr::with_exposed_provenance_mut(self.address)
    }

    /// Copies bytes out of the segment, from `offset` on. If another process writes them meanwhile, each byte is old or
    /// new.
    ///
    /// # Errors
    /// `EINVAL` the segment ends before that.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<()> {
        let from = self.range(offset, to.len())?;
        for (byte, place) in to.iter_mut().zip(from) {
            *byte = place.load(Ordering::Relaxed);
        }
        Ok(())
    }

    /// Copies bytes into the segment, from `offset` on.
    ///
    /// # Errors
    /// - `EINVAL` the segment ends before that
    /// - `EACCES` attached for reading only
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<()> {
        if self.access == Access::ReadOnly {
            return Err(Errno::EACCES);
        }
        let to = self.range(offset, from.len())?;
        for (place, &byte) in to.iter().zip(from) {
            place.store(byte, Ordering::Relaxed);
        }
        Ok(())
    }

    fn range(&self, offset: usize, len: usize) -> Result<&[AtomicU8]> {
        let end = offset.checked_add(len).ok_or(Errno::EINVAL)?;
        // SAFETY: the mapping is this value's own and `len` bytes long; other processes make any access to it at any
        // time, which atomic bytes allow. Nothing is stored through it without `Access::ReadWrite`.
        let all =
            unsafe { core::slice::from_raw_parts(self.as_ptr().cast::<AtomicU8>(), self.len) };
        all.get(offset..end).ok_or(Errno::EINVAL)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // SAFETY: nothing borrowed from this value is left, and only this value knows the mapping as its own.
        let _ = unsafe { sysv::detach(self.address) };
    }
}
