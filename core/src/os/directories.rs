//! Directories: made, listed, and which one this process is in. Tested by the C suite.

use super::arch::syscall;
use super::reading::Reading;
use crate::error::{Errno, Result};
use core::ffi::CStr;

/// mkdir(2).
pub(crate) fn mkdir(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_mkdirat, libc::AT_FDCWD, path.as_ptr(), mode) }.map(drop)
}

/// getcwd(2), without the terminating zero byte.
pub(crate) fn getcwd(buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the buffer is writable for its length.
    let len = unsafe { syscall!(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) }?;
    // A directory that cannot be reached from the root comes back as "(unreachable)/...".
    if len < 2 || buffer.first() != Some(&b'/') {
        Err(Errno::ENOENT)
    } else {
        Ok(len - 1)
    }
}

/// Calls `visit` with the name of everything in a directory but `.` and `..`.
///
/// # Errors
/// - those of open(2), getdents64(2) and [`Reading`]
pub(crate) fn each_entry(directory: &CStr, mut visit: impl FnMut(&[u8])) -> Result<()> {
    /// `struct linux_dirent64`: where the record's length and the name stand in it.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let list = Reading::begin(directory, libc::O_DIRECTORY)?;
    let mut buffer = [0u64; 64];
    loop {
        // SAFETY: the buffer is writable for its size in bytes.
        let filled = unsafe {
            syscall!(
                libc::SYS_getdents64,
                list.file().fd(),
                buffer.as_mut_ptr(),
                size_of_val(&buffer)
            )
        }?;
        if filled == 0 {
            return list.end();
        }
        // SAFETY: the same memory as bytes, which have no alignment and no invalid values.
        let bytes = unsafe {
            core::slice::from_raw_parts(
                buffer.as_ptr().cast::<u8>(),
                filled.min(size_of_val(&buffer)),
            )
        };
        let mut rest = bytes;
        while let Some(&[low, high]) = rest.get(LENGTH..LENGTH + 2) {
            let length = usize::from(u16::from_ne_bytes([low, high]));
            let name = rest
                .get(NAME..length)
                .and_then(|name| CStr::from_bytes_until_nul(name).ok());
            if let Some(name) = name
                .map(CStr::to_bytes)
                .filter(|name| !matches!(*name, b"." | b".."))
            {
                visit(name);
            }
            rest = rest.get(length.max(NAME)..).unwrap_or(&[]);
        }
    }
}
