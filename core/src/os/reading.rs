//! Reading a file to its end, in a program whose other threads may close any descriptor and open another file that gets its
//! number: nothing may be concluded from what is missing in another file.
//! Tested by `c_tests/process/descriptors_closed_by_thread.c`.

use super::c_library;
use super::files::File;
use super::paths::{self, Status};
use crate::error::{Errno, Result};
use core::ffi::CStr;

/// A file that is being read.
pub(crate) struct Reading {
    file: File,
    status: Status,
}

/// How often a file is opened until it is the one at its path. It never is where an emulator answers with a file of its own.
const TRIES: u32 = 3;

/// Reads a short file, as much of its beginning as fits, and returns how much that is.
///
/// # Errors
/// - those of open(2) and pread(2)
/// - `ESTALE`, `EBADF` another thread closes each descriptor before it is used
#[cold]
#[inline(never)]
pub(crate) fn read_start(path: &CStr, buffer: &mut [u8]) -> Result<usize> {
    if c_library::is_single_threaded() {
        return File::open(path, libc::O_RDONLY, 0)?.read_start(buffer);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        match try_to_read(path, buffer) {
            Err(Errno::ESTALE | Errno::EBADF) if tries < TRIES => {}
            other => return other,
        }
    }
}

fn try_to_read(path: &CStr, buffer: &mut [u8]) -> Result<usize> {
    let reading = Reading::begin(path, 0)?;
    let read = reading.file().read_start(buffer)?;
    reading.end()?;
    Ok(read)
}

impl Reading {
    /// Opens a file or directory to be read.
    ///
    /// # Errors
    /// - those of open(2), and of lstat(2) of the path
    #[inline(never)]
    pub(crate) fn begin(path: &CStr, flags: i32) -> Result<Reading> {
        let mut tries = 0;
        loop {
            tries += 1;
            let file = File::open(path, libc::O_RDONLY | flags, 0)?;
            let status = file.fstat()?;
            if status.is_of_same_file(&paths::lstat(path)?) || tries == TRIES {
                return Ok(Reading { file, status });
            }
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes sure that all that was read came from this file.
    ///
    /// # Errors
    /// - `ESTALE` another file has its number by now; `EBADF` none has
    #[inline(never)]
    pub(crate) fn end(self) -> Result<()> {
        if self.file.fstat()?.is_of_same_file(&self.status) {
            Ok(())
        } else {
            Err(Errno::ESTALE)
        }
    }
}
