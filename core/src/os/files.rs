//! Files: opened, made, measured, removed.

use super::arch::syscall;
use crate::error::{Errno, Result};
use crate::text::Text;
use core::ffi::CStr;

/// An open descriptor that is closed when dropped.
#[derive(Debug)]
pub(crate) struct File {
    fd: i32,
}

/// What fstat(2) tells, as far as anybody here asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) mode: u32,
    pub(crate) links: u64,
    pub(crate) uid: u32,
    pub(crate) size: u64,
    /// In units of 512 bytes.
    pub(crate) blocks: u64,
}

/// What fstatfs(2) tells, as far as anybody here asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSystem {
    pub(crate) kind: i64,
    pub(crate) block_size: u64,
    /// All blocks; 0 for a tmpfs without a limit.
    pub(crate) blocks: u64,
    pub(crate) available: u64,
}

impl FileSystem {
    fn ask(call: impl FnOnce(*mut libc::statfs64) -> Result<usize>) -> Result<FileSystem> {
        // SAFETY: all-zero bytes are a valid statfs.
        let mut buffer: libc::statfs64 = unsafe { core::mem::zeroed() };
        call(&raw mut buffer)?;
        Ok(FileSystem {
            kind: buffer.f_type as i64 & 0xffff_ffff,
            block_size: buffer.f_bsize as u64,
            blocks: buffer.f_blocks,
            available: buffer.f_bavail,
        })
    }
}

/// `f_type` of tmpfs.
pub(crate) const TMPFS: i64 = 0x0102_1994;
/// `f_type` of ext2, ext3 and ext4.
pub(crate) const EXT4: i64 = 0xef53;

/// Flags that every file of ours is opened with: never inherited by exec, never through a link, never waiting on a
/// FIFO that somebody planted.
const CAREFUL: i32 = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_LARGEFILE;

impl File {
    /// open(2) of one of our own files, always with close-on-exec and never through a symbolic link.
    pub(crate) fn open(path: &CStr, flags: i32, mode: u32) -> Result<File> {
        loop {
            match open_raw(path, flags | CAREFUL, mode) {
                Err(Errno::EINTR) => continue,
                other => return other.map(|fd| File { fd }),
            }
        }
    }

    pub(crate) fn fd(&self) -> i32 {
        self.fd
    }

    /// Leaves the descriptor open and gives it up.
    pub(crate) fn into_fd(self) -> i32 {
        let fd = self.fd;
        core::mem::forget(self);
        fd
    }

    pub(crate) fn status(&self) -> Result<Status> {
        status_at(self.fd, c"", libc::AT_EMPTY_PATH)
    }

    /// The status of the directory above this one.
    pub(crate) fn parent_status(&self) -> Result<Status> {
        status_at(self.fd, c"..", 0)
    }

    pub(crate) fn file_system(&self) -> Result<FileSystem> {
        #[cfg(target_pointer_width = "64")]
        // SAFETY: the buffer is what the call fills.
        return FileSystem::ask(|buffer| unsafe { syscall!(libc::SYS_fstatfs, self.fd, buffer) });
        #[cfg(target_pointer_width = "32")]
        // SAFETY: the buffer is what the call fills, of the size given.
        return FileSystem::ask(|buffer| unsafe {
            syscall!(
                libc::SYS_fstatfs64,
                self.fd,
                size_of::<libc::statfs64>(),
                buffer
            )
        });
    }

    /// ftruncate(2).
    ///
    /// # Errors
    /// - `EFBIG` over `RLIMIT_FSIZE`; the kernel also sends `SIGXFSZ`
    pub(crate) fn set_size(&self, size: u64) -> Result<()> {
        #[cfg(target_pointer_width = "64")]
        // SAFETY: plain numbers.
        return unsafe { syscall!(libc::SYS_ftruncate, self.fd, size) }.map(drop);
        #[cfg(target_pointer_width = "32")]
        // SAFETY: plain numbers; the low half comes first on little-endian machines.
        return unsafe {
            syscall!(
                libc::SYS_ftruncate64,
                self.fd,
                size as u32,
                (size >> 32) as u32
            )
        }
        .map(drop);
    }

    /// Makes the file at least `end` bytes long with memory behind every byte from `start`, and never shorter.
    pub(crate) fn reserve(&self, start: u64, end: u64) -> Result<()> {
        let len = end.saturating_sub(start);
        #[cfg(target_pointer_width = "64")]
        // SAFETY: plain numbers.
        let done = unsafe { syscall!(libc::SYS_fallocate, self.fd, 0, start, len) };
        #[cfg(target_pointer_width = "32")]
        // SAFETY: plain numbers, low halves first; the arguments fit six registers.
        let done = unsafe {
            syscall!(
                libc::SYS_fallocate,
                self.fd,
                0,
                start as u32,
                (start >> 32) as u32,
                len as u32,
                (len >> 32) as u32
            )
        };
        match done {
            // A file system without fallocate: its last byte makes it long enough.
            Err(Errno::EOPNOTSUPP) => self.write_at(&[0], end.saturating_sub(1)),
            other => other.map(drop),
        }
    }

    /// fdatasync(2): the bytes are on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        // SAFETY: a plain number.
        unsafe { syscall!(libc::SYS_fdatasync, self.fd) }.map(drop)
    }

    pub(crate) fn set_mode(&self, mode: u32) -> Result<()> {
        // SAFETY: plain numbers.
        unsafe { syscall!(libc::SYS_fchmod, self.fd, mode) }.map(drop)
    }

    /// chown(2), for a descriptor that was opened with `O_PATH` too.
    pub(crate) fn set_owner(&self, uid: u32, gid: u32) -> Result<()> {
        // SAFETY: the path is a C string.
        unsafe {
            syscall!(
                libc::SYS_fchownat,
                self.fd,
                c"".as_ptr(),
                uid,
                gid,
                libc::AT_EMPTY_PATH
            )
        }
        .map(drop)
    }

    /// A file in `directory` that has no name yet, and is gone with its last descriptor unless it gets one.
    ///
    /// # Errors
    /// - `EOPNOTSUPP`, `EISDIR` the file system has no such files
    pub(crate) fn nameless(directory: &CStr, mode: u32) -> Result<File> {
        File::open(directory, libc::O_TMPFILE | libc::O_RDWR, mode)
    }

    /// Gives a nameless file its name.
    ///
    /// # Errors
    /// - `EEXIST` another file has it
    /// - `ENOENT` there is no `/proc` to say which file is meant
    pub(crate) fn name(&self, path: &CStr) -> Result<()> {
        let own = self.own_path();
        link_at(own.as_c_str(), path, libc::AT_SYMLINK_FOLLOW)
    }

    /// A path that leads to this very file, whatever its name leads to by now; for calls that take no descriptor
    /// opened with `O_PATH`.
    pub(crate) fn own_path(&self) -> Text<32> {
        let mut path = Text::new();
        path.push_str("/proc/self/fd/")
            .push_decimal(self.fd.unsigned_abs().into());
        path
    }

    /// Reads up to the buffer's length from the start; returns how much was read.
    pub(crate) fn read_start(&self, buffer: &mut [u8]) -> Result<usize> {
        // SAFETY: the buffer is writable for its length; offset 0 is the same in every calling convention.
        unsafe {
            syscall!(
                libc::SYS_pread64,
                self.fd,
                buffer.as_mut_ptr(),
                buffer.len(),
                0usize,
                0usize,
                0usize
            )
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        #[cfg(target_pointer_width = "64")]
        // SAFETY: the buffer is readable for its length.
        return unsafe {
            syscall!(
                libc::SYS_pwrite64,
                self.fd,
                bytes.as_ptr(),
                bytes.len(),
                offset
            )
        }
        .map(drop);
        #[cfg(target_pointer_width = "32")]
        // SAFETY: the buffer is readable for its length; the low half of the offset comes first.
        return unsafe {
            syscall!(
                libc::SYS_pwrite64,
                self.fd,
                bytes.as_ptr(),
                bytes.len(),
                offset as u32,
                (offset >> 32) as u32
            )
        }
        .map(drop);
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = close(self.fd);
    }
}

/// openat(2) with exactly these flags.
pub(crate) fn open_raw(path: &CStr, flags: i32, mode: u32) -> Result<i32> {
    open_raw_at(libc::AT_FDCWD, path, flags, mode)
}

/// [`open_raw`] of a path that begins in a directory.
pub(crate) fn open_raw_at(directory: i32, path: &CStr, flags: i32, mode: u32) -> Result<i32> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_openat, directory, path.as_ptr(), flags, mode) }.map(|fd| fd as i32)
}

/// close(2). Not a cancellation point, unlike the C library's.
pub fn close(fd: i32) -> Result<()> {
    // SAFETY: a plain number; whose descriptor it is, is the caller's matter.
    unsafe { syscall!(libc::SYS_close, fd) }.map(drop)
}

/// A copy of `fd` with close-on-exec, at the lowest free number not below `least`.
pub(crate) fn duplicate_from(fd: i32, least: i32) -> Result<i32> {
    #[cfg(target_pointer_width = "64")]
    let nr = libc::SYS_fcntl;
    #[cfg(target_pointer_width = "32")]
    let nr = libc::SYS_fcntl64;
    // SAFETY: plain numbers.
    unsafe { syscall!(nr, fd, libc::F_DUPFD_CLOEXEC, least) }.map(|fd| fd as i32)
}

/// unlink(2).
pub(crate) fn unlink(path: &CStr) -> Result<()> {
    unlink_at(libc::AT_FDCWD, path)
}

/// [`unlink`] of a path that begins in a directory.
pub(crate) fn unlink_at(directory: i32, path: &CStr) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_unlinkat, directory, path.as_ptr(), 0) }.map(drop)
}

/// link(2).
pub(crate) fn link(old: &CStr, new: &CStr) -> Result<()> {
    link_at(old, new, 0)
}

fn link_at(old: &CStr, new: &CStr, flags: i32) -> Result<()> {
    // SAFETY: both paths are C strings.
    unsafe {
        syscall!(
            libc::SYS_linkat,
            libc::AT_FDCWD,
            old.as_ptr(),
            libc::AT_FDCWD,
            new.as_ptr(),
            flags
        )
    }
    .map(drop)
}

/// rename(2).
pub(crate) fn rename(old: &CStr, new: &CStr) -> Result<()> {
    // SAFETY: both paths are C strings.
    unsafe {
        syscall!(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            old.as_ptr(),
            libc::AT_FDCWD,
            new.as_ptr(),
            0
        )
    }
    .map(drop)
}

/// statfs(2).
pub(crate) fn file_system(path: &CStr) -> Result<FileSystem> {
    #[cfg(target_pointer_width = "64")]
    // SAFETY: the path is a C string, the buffer is what the call fills.
    return FileSystem::ask(|buffer| unsafe { syscall!(libc::SYS_statfs, path.as_ptr(), buffer) });
    #[cfg(target_pointer_width = "32")]
    // SAFETY: the path is a C string, the buffer is what the call fills, of the size given.
    return FileSystem::ask(|buffer| unsafe {
        syscall!(
            libc::SYS_statfs64,
            path.as_ptr(),
            size_of::<libc::statfs64>(),
            buffer
        )
    });
}

/// Whether the path leads to something, and its inode number; links are followed.
pub(crate) fn inode_of(path: &CStr) -> Result<u64> {
    status_at(libc::AT_FDCWD, path, 0).map(|status| status.inode)
}

/// chmod(2).
pub(crate) fn set_mode(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path is a C string.
    unsafe { syscall!(libc::SYS_fchmodat, libc::AT_FDCWD, path.as_ptr(), mode) }.map(drop)
}

/// lstat(2).
pub(crate) fn status(path: &CStr) -> Result<Status> {
    status_at(libc::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW)
}

fn status_at(fd: i32, path: &CStr, flags: i32) -> Result<Status> {
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
        size: buffer.st_size as u64,
        blocks: buffer.st_blocks as u64,
    })
}

/// write(2) to a descriptor that is not ours to close: for messages.
pub(crate) fn write(fd: i32, bytes: &[u8]) {
    // SAFETY: the buffer is readable for its length.
    let _ = unsafe { syscall!(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) };
}
