//! A file of the namespace that this process makes or changes. It does so by the file's name wherever that name stays
//! the file's ([`names_stay`]): another thread of the program may close any descriptor, and a call on the closed
//! descriptor would change whatever file the program opens next. Where others can put a link in the file's place, it
//! has to be done by a descriptor, which is looked at right before each change.
//!
//! [`names_stay`]: crate::namespace::names_stay
//!
//! Tested by `c_tests/process/first_calls_beside_closes.c` and `attach_beside_closes.c`.

use crate::error::{Errno, Result};
use crate::os::files::File;
use crate::os::paths::{self, Status};
use crate::os::signals::forget_file_size_signal;
use crate::os::{c_library, memory};
use core::ffi::CStr;

/// How often a file is opened if another thread closes the descriptor.
pub(super) const TRIES: u32 = 1000;

/// A file that was made under this name just now.
pub(super) struct NamedFile<'a> {
    path: &'a CStr,
    /// `None` if it is changed by its name.
    file: Option<File>,
}

impl<'a> NamedFile<'a> {
    /// Makes an empty file. The umask may take rights from its mode.
    ///
    /// # Errors
    /// - `EEXIST` something has its name
    /// - others of open(2)
    pub(super) fn make(path: &'a CStr, mode: u32, name_stays: bool) -> Result<NamedFile<'a>> {
        if name_stays {
            match paths::mknod(path, mode) {
                Ok(()) => return Ok(NamedFile { path, file: None }),
                Err(Errno::EPERM | Errno::ENOSYS | Errno::EOPNOTSUPP) => {}
                Err(error) => return Err(error),
            }
        }
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let file = File::open(path, flags, mode)?;
        let file = (!name_stays).then_some(file);
        Ok(NamedFile { path, file })
    }

    /// truncate(2), or ftruncate(2).
    ///
    /// # Errors
    /// - `EFBIG` over `RLIMIT_FSIZE`; the kernel also sends `SIGXFSZ`
    pub(super) fn set_size(&self, bytes: u64) -> Result<()> {
        if let Some(file) = self.still()? {
            return file.ftruncate(bytes);
        }
        match paths::truncate(self.path, bytes) {
            // The umask took the maker's own rights away.
            Err(Errno::EACCES) => {
                paths::chmod(self.path, 0o600)?;
                paths::truncate(self.path, bytes)
            }
            other => other,
        }
    }

    /// lchown(2) of the group, or fchown(2).
    pub(super) fn set_group(&self, gid: u32) -> Result<()> {
        match self.still()? {
            Some(file) => file.fchown(u32::MAX, gid),
            None => paths::set_group(self.path, gid),
        }
    }

    /// chmod(2), or fchmod(2).
    pub(super) fn set_mode(&self, mode: u32) -> Result<()> {
        match self.still()? {
            Some(file) => file.fchmod(mode),
            None => paths::chmod(self.path, mode),
        }
    }

    /// Maps all of the file and returns the address.
    ///
    /// # Errors
    /// - those of open(2), and of `map`
    /// - `ESTALE` another thread closes each descriptor before it is used
    pub(super) fn map(&self, len: usize, map: impl Fn(&File) -> Result<usize>) -> Result<usize> {
        for _ in 0..TRIES {
            let opened = match self.still()? {
                Some(_) => None,
                None => Some(File::open(self.path, libc::O_RDWR, 0)?),
            };
            let Some(file) = opened.as_ref().or(self.file.as_ref()) else {
                break;
            };
            let mapped = map(file);
            if is_at(file, self.path) {
                return mapped;
            }
            if let Ok(start) = mapped {
                // SAFETY: the mapping was made just now, of a file of the program, and nobody uses it.
                let _ = unsafe { memory::munmap(start, len) };
            }
        }
        Err(Errno::ESTALE)
    }

    /// The descriptor, if the file is changed by it.
    ///
    /// # Errors
    /// - `ESTALE` another thread has closed it
    fn still(&self) -> Result<Option<&File>> {
        match &self.file {
            Some(file) if !is_at(file, self.path) => Err(Errno::ESTALE),
            other => Ok(other.as_ref()),
        }
    }
}

/// Before Linux 5.14, only a file can be asked for memory, not a mapping of it.
pub(super) fn reserve(path: &CStr, from: usize, until: usize) -> Result<()> {
    for _ in 0..TRIES {
        let file = File::open(path, libc::O_RDWR, 0)?;
        // In a file of the program, this changes nothing that can be seen.
        let reserved = file.reserve(from as u64, until as u64);
        if is_at(&file, path) {
            return reserved.map_err(no_room);
        }
    }
    Err(Errno::ESTALE)
}

/// Over `RLIMIT_FSIZE` there is no room.
pub(super) fn no_room(error: Errno) -> Errno {
    if error == Errno::EFBIG {
        forget_file_size_signal();
        return Errno::ENOSPC;
    }
    error
}

/// Whether an open file is the one at its path. Another thread of the program may have closed its descriptor, and opened
/// another file that got the number. Not asked if there is no other thread.
pub(super) fn is_at(file: &File, path: &CStr) -> bool {
    c_library::is_single_threaded() || is_same(file, paths::lstat(path))
}

fn is_same(file: &File, named: Result<Status>) -> bool {
    let Ok(seen) = file.fstat() else {
        return false;
    };
    named.is_ok_and(|named| named.is_of_same_file(&seen))
}
