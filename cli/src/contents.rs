//! The bytes of a segment or an object, read and written without attaching in its namespace:
//! nobody's `nattch` changes.

use crate::failure::Failure;
use crate::model::{Object, Segment};
use crate::name::shown;
use crate::sources;
use crate::target::Found;
use nix::fcntl::OFlag;
use partage_core::backend;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Whether the bytes are to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// An open segment or object.
pub(crate) struct Contents {
    storage: Storage,
    size: u64,
}

enum Storage {
    File(File),
    /// A segment of the kernel's has no file: it is attached for as long as this lives.
    Attached(*mut libc::c_void),
}

impl Contents {
    /// Opens what was found; the permissions are the file's own.
    pub(crate) fn open(found: &Found<'_>, access: Access) -> Result<Self, Failure> {
        match found {
            Found::Object(object) => Self::of_object(object, access),
            Found::Segment(segment) => match &segment.file {
                Some(file) => Self::of_file(file, segment.size, access),
                None => Self::of_kernel(segment, access),
            },
        }
    }

    fn of_object(object: &Object, access: Access) -> Result<Self, Failure> {
        let flags = match access {
            Access::Read => OFlag::O_RDONLY,
            Access::Write => OFlag::O_RDWR,
        };
        let file = sources::open_object(object, flags)
            .map_err(|why| Failure::io(format_args!("cannot open {}", shown(&object.file)), why))?;
        Ok(Self {
            storage: Storage::File(file),
            size: object.size,
        })
    }

    fn of_file(path: &Path, size: u64, access: Access) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(access == Access::Write)
            .custom_flags(libc::O_NOFOLLOW);
        let file = options
            .open(path)
            .map_err(|why| Failure::io(format_args!("cannot open {}", shown(path)), why))?;
        Ok(Self {
            storage: Storage::File(file),
            size,
        })
    }

    fn of_kernel(segment: &Segment, access: Access) -> Result<Self, Failure> {
        let flags = if access == Access::Read {
            libc::SHM_RDONLY
        } else {
            0
        };
        // SAFETY: without an address the kernel chooses one that is free.
        let attached = unsafe { backend::kernel_shmat(segment.id, 0, flags) };
        let address = attached.map_err(|errno| {
            let why = io::Error::from_raw_os_error(errno.0);
            Failure::io(format_args!("cannot attach segment {}", segment.id), why)
        })?;
        let address = address as *mut libc::c_void;
        Ok(Self {
            storage: Storage::Attached(address),
            size: segment.size,
        })
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from `offset` on; the range lies within the size.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = self.checked(buffer.len(), offset)?;
        match &self.storage {
            Storage::File(file) => file.read_exact_at(buffer, offset),
            Storage::Attached(address) => {
                // SAFETY: the range lies within the attachment (checked), which is mapped for
                // reading as long as `self`; others may write meanwhile, which tears at worst.
                unsafe {
                    let source = address.cast::<u8>().add(start);
                    std::ptr::copy_nonoverlapping(source, buffer.as_mut_ptr(), buffer.len());
                }
                Ok(())
            }
        }
    }

    /// Writes `bytes` at `offset`; the range lies within the size, access was [`Access::Write`].
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = self.checked(bytes.len(), offset)?;
        match &self.storage {
            Storage::File(file) => file.write_all_at(bytes, offset),
            Storage::Attached(address) => {
                // SAFETY: as above, and it was attached for writing.
                unsafe {
                    let target = address.cast::<u8>().add(start);
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
                }
                Ok(())
            }
        }
    }

    fn checked(&self, length: usize, offset: u64) -> io::Result<usize> {
        let end = offset
            .checked_add(length as u64)
            .filter(|end| *end <= self.size);
        end.and_then(|_| usize::try_from(offset).ok())
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        if let Storage::Attached(address) = self.storage {
            // SAFETY: the attachment is ours, and goes with `self`.
            let _ = unsafe { backend::kernel_shmdt(address as usize) };
        }
    }
}
