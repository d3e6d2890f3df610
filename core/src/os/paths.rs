//! System calls that take a file by its name, without a descriptor.
//! Tested by the C suite and `reliability/tests/faults`.

use super::arch::syscall;
use crate::error::Result;
use crate::text::Text;
use core::ffi::CStr;

/// The part of fstat(2) that is used here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) mode: u32,
    pub(crate) links: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    /// In units of 512 bytes.
    pub(crate) blocks: u64,
}

impl Status {
    /// Whether both are of one file.
    pub(crate) fn is_of_same_file(&self, other: &Status) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// unlink(2).
pub(crate) fn unlink(path: &CStr) -> Result<()> {
    unlinkat(libc::AT_FDCWD, path)
}

/// [`unlink`] of a path that begins in a directory.
pub(crate) fn unlinkat(directory: i32, path: &CStr) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_unlinkat, directory, path.as_ptr(), 0) }.map(drop)
}

/// mknod(2) of an empty file, which needs no descriptor.
///
/// # Errors
/// - `EEXIST` something has the name
/// - `EPERM`, `ENOSYS` files are made by open(2) only
pub(crate) fn mknod(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe {
        syscall!(
            libc::SYS_mknodat,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::S_IFREG | mode,
            0
        )
    }
    .map(drop)
}

/// truncate(2).
pub(crate) fn truncate(path: &CStr, size: u64) -> Result<()> {
    #[cfg(target_pointer_width = "64")]
    // SAFETY: the path is a C string.
    return unsafe { syscall!(libc::SYS_truncate, path.as_ptr(), size) }.map(drop);
    #[cfg(target_pointer_width = "32")]
    // SAFETY: the path is a C string; the low half comes first on little-endian machines.
    return unsafe {
        syscall!(
            libc::SYS_truncate64,
            path.as_ptr(),
            size as u32,
            (size >> 32) as u32
        )
    }
    .map(drop);
}

/// lchown(2) of the group.
pub(crate) fn set_group(path: &CStr, gid: u32) -> Result<()> {
    let ids = (u32::MAX, gid);
    fchownat(libc::AT_FDCWD, path, ids, libc::AT_SYMLINK_NOFOLLOW)
}

/// link(2).
pub(crate) fn link(old: &CStr, new: &CStr) -> Result<()> {
    // SAFETY: both paths are C strings.
    unsafe {
        syscall!(
            libc::SYS_linkat,
            libc::AT_FDCWD,
            old.as_ptr(),
            libc::AT_FDCWD,
            new.as_ptr(),
            0
        )
    }
    .map(drop)
}

/// rename(2).
pub(crate) fn rename(old: &CStr, new: &CStr) -> Result<()> {
    rename_with(old, new, 0)
}

/// rename(2), unless something has the new name.
///
/// # Errors
/// - `EEXIST` something has
/// - `EINVAL`, `ENOSYS` the file system or the kernel cannot
pub(crate) fn rename_without_replacing(old: &CStr, new: &CStr) -> Result<()> {
    const RENAME_NOREPLACE: usize = 1;
    rename_with(old, new, RENAME_NOREPLACE)
}

fn rename_with(old: &CStr, new: &CStr, flags: usize) -> Result<()> {
    // SAFETY: both paths are C strings.
    unsafe {
        syscall!(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            old.as_ptr(),
            libc::AT_FDCWD,
            new.as_ptr(),
            flags
        )
    }
    .map(drop)
}

/// Whether the path leads to a file, and its inode number. Links are followed.
pub(crate) fn inode_of(path: &CStr) -> Result<u64> {
    stat(path).map(|status| status.inode)
}

/// chmod(2).
pub(crate) fn chmod(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_fchmodat, libc::AT_FDCWD, path.as_ptr(), mode) }.map(drop)
}

/// chown(2).
pub(crate) fn chown(path: &CStr, uid: u32, gid: u32) -> Result<()> {
    fchownat(libc::AT_FDCWD, path, (uid, gid), 0)
}

/// fchownat(2).
pub(super) fn fchownat(fd: i32, path: &CStr, (uid, gid): (u32, u32), flags: i32) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_fchownat, fd, path.as_ptr(), uid, gid, flags) }.map(drop)
}

/// Whether this process may make files in a directory, as access(2) tells.
pub(crate) fn may_make_in(directory: &CStr) -> bool {
    let mode = libc::W_OK | libc::X_OK;
    // SAFETY: the path is a C string.
    unsafe {
        syscall!(
            libc::SYS_faccessat,
            libc::AT_FDCWD,
            directory.as_ptr(),
            mode
        )
    }
    .is_ok()
}

/// lstat(2).
pub(crate) fn lstat(path: &CStr) -> Result<Status> {
    fstatat(libc::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW)
}

/// stat(2): links are followed.
pub(crate) fn stat(path: &CStr) -> Result<Status> {
    fstatat(libc::AT_FDCWD, path, 0)
}

/// fstatat(2).
pub(super) fn fstatat(fd: i32, path: &CStr, flags: i32) -> Result<Status> {
    // SAFETY: all-zero bytes are a valid stat.
    let mut buffer: libc::stat64 = unsafe { core::mem::zeroed() };
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_newfstatat;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_fstatat64;
    // SAFETY: the path is a C string, the buffer is what the call fills.
    unsafe { syscall!(nr, fd, path.as_ptr(), &raw mut buffer, flags) }?;
    Ok(Status {
        device: buffer.st_dev as u64,
        inode: buffer.st_ino as u64,
        mode: buffer.st_mode,
        links: buffer.st_nlink as u64,
        uid: buffer.st_uid,
        gid: buffer.st_gid,
        size: buffer.st_size as u64,
        blocks: buffer.st_blocks as u64,
    })
}

/// What `/proc` has of the calling thread.
pub(crate) fn thread_path(name: &str) -> Text<48> {
    // SAFETY: no arguments, cannot fail.
    let thread = unsafe { syscall!(libc::SYS_gettid) }.unwrap_or(0);
    let mut path = Text::new();
    path.push_str("/proc/self/task/")
        .push_decimal(thread as u64)
        .push_str(name);
    path
}
