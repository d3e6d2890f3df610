//! Symbolic links.

use super::arch::syscall;
use crate::error::{Errno, Result};
use crate::text::Path;
use core::ffi::CStr;

/// symlink(2).
pub(crate) fn make(target: &CStr, path: &CStr) -> Result<()> {
    // SAFETY: both are C strings.
    unsafe {
        syscall!(
            libc::SYS_symlinkat,
            target.as_ptr(),
            libc::AT_FDCWD,
            path.as_ptr()
        )
    }
    .map(drop)
}

/// readlink(2).
///
/// # Errors
/// - `EINVAL` it is no link
/// - `ENAMETOOLONG` it leads to a longer path than ours are
pub(crate) fn read(path: &CStr) -> Result<Path> {
    let mut buffer = [0u8; 1024];
    // SAFETY: the path is a C string, the buffer is writable for its length.
    let len = unsafe {
        syscall!(
            libc::SYS_readlinkat,
            libc::AT_FDCWD,
            path.as_ptr(),
            buffer.as_mut_ptr(),
            buffer.len()
        )
    }?;
    let mut target = Path::new();
    target.push(buffer.get(..len).unwrap_or(&[]));
    if target.is_cut() {
        Err(Errno::ENAMETOOLONG)
    } else {
        Ok(target)
    }
}
