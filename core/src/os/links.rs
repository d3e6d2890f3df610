//! Symbolic links. Tested by `tests/tests/huge_pages.rs`.

use super::arch::syscall;
use crate::error::{Errno, Result};
use crate::text::Path;
use core::ffi::CStr;

/// symlink(2).
pub(crate) fn symlink(target: &CStr, path: &CStr) -> Result<()> {
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

/// readlink(2). The target is the caller's, who may have little stack.
///
/// # Errors
/// - `EINVAL` it is no link
/// - `ENAMETOOLONG` it leads to a longer path than ours are
pub(crate) fn readlink(path: &CStr, target: &mut Path) -> Result<()> {
    // SAFETY: the path is a C string, the buffer is writable for its size; the kernel says how much it wrote.
    unsafe {
        target.fill(|buffer, size| {
            syscall!(
                libc::SYS_readlinkat,
                libc::AT_FDCWD,
                path.as_ptr(),
                buffer,
                size
            )
        })
    }?;
    if target.is_cut() {
        Err(Errno::ENAMETOOLONG)
    } else {
        Ok(())
    }
}
