//! Files: opened, made, measured, removed. Tested by the C suite and `reliability/tests/faults`.

use super::arch::syscall;
use super::paths::{self, Status};
use crate::error::{Errno, Result};
use crate::sync::{AtomicI32, AtomicU32, Ordering};
use crate::text::Text;
use core::ffi::CStr;

/// An open descriptor that is closed when dropped.
#[derive(Debug)]
pub(crate) struct File {
    fd: i32,
}

/// The part of fstatfs(2) that is used here.
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

/// File systems that let a mapping keep the lock of an open file description: tmpfs, ext4, xfs, btrfs, f2fs.
pub(crate) const PIN_LOCKS: [i64; 5] = [TMPFS, EXT4, 0x5846_5342, 0x9123_683e, 0xf2f5_2010];

/// Flags for every file of ours: no exec inherits it, no link is followed, and no open waits on a FIFO that somebody
/// put there.
const CAREFUL: i32 = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_LARGEFILE;

/// Descriptors that are open now, for the time of a call. A fork copies those of other threads too.
static OPEN_NOW: AtomicI32 = AtomicI32::new(0);
/// How many were ever opened. The kernel copies descriptors first and memory later, so a child cannot tell by the
/// number above alone.
static EVER_OPENED: AtomicU32 = AtomicU32::new(0);

impl File {
    /// Whether any thread may be in the middle of a call that has a file open.
    pub(crate) fn any_open() -> bool {
        OPEN_NOW.load(Ordering::Acquire) != 0
    }

    /// The number of files that were ever opened, if none is open now.
    pub(crate) fn none_open_at() -> Option<u32> {
        let ever = EVER_OPENED.load(Ordering::Acquire);
        (!Self::any_open()).then_some(ever)
    }

    /// The number of files that were ever opened.
    pub(crate) fn ever_opened() -> u32 {
        EVER_OPENED.load(Ordering::Acquire)
    }

    /// Whether no file was opened since [`File::none_open_at`].
    pub(crate) fn none_since(ever: u32) -> bool {
        EVER_OPENED.load(Ordering::Acquire) == ever
    }

    /// This many descriptors are no longer open, though the threads that opened them did not close them.
    pub(crate) fn forget(many: i32) {
        let _ = OPEN_NOW.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |open| {
            Some((open - many).max(0))
        });
    }

    /// In a child: the parent's threads are not here to close what they opened.
    pub(crate) fn forget_all() {
        OPEN_NOW.store(0, Ordering::Release);
    }

    /// open(2) of one of our own files, always with close-on-exec and never through a symbolic link.
    pub(crate) fn open(path: &CStr, flags: i32, mode: u32) -> Result<File> {
        Self::open_with(path, flags | CAREFUL, mode)
    }

    /// open(2) through a link in `/proc` that stands for the file itself.
    pub(crate) fn open_by_link(link: &CStr, flags: i32) -> Result<File> {
        Self::open_with(link, flags | CAREFUL & !libc::O_NOFOLLOW, 0)
    }

    fn open_with(path: &CStr, flags: i32, mode: u32) -> Result<File> {
        // Counted before it is open.
        OPEN_NOW.fetch_add(1, Ordering::AcqRel);
        EVER_OPENED.fetch_add(1, Ordering::AcqRel);
        loop {
            match open(path, flags, mode) {
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    Self::forget(1);
                    return Err(error);
                }
                Ok(fd) => return Ok(File { fd }),
            }
        }
    }

    pub(crate) fn fd(&self) -> i32 {
        self.fd
    }

    /// Leaves the descriptor open and returns it.
    pub(crate) fn into_fd(self) -> i32 {
        let fd = self.fd;
        core::mem::forget(self);
        Self::forget(1);
        fd
    }

    /// fstat(2).
    pub(crate) fn fstat(&self) -> Result<Status> {
        paths::fstatat(self.fd, c"", libc::AT_EMPTY_PATH)
    }

    /// fstatfs(2).
    pub(crate) fn fstatfs(&self) -> Result<FileSystem> {
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
    pub(crate) fn ftruncate(&self, size: u64) -> Result<()> {
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

    /// fallocate(2): memory behind every byte from `start` to `end`, where the file system can do that. The file's size
    /// stays.
    pub(crate) fn reserve(&self, start: u64, end: u64) -> Result<()> {
        const KEEP_SIZE: i32 = 1;
        let len = end.saturating_sub(start);
        #[cfg(target_pointer_width = "64")]
        // SAFETY: plain numbers.
        let done = unsafe { syscall!(libc::SYS_fallocate, self.fd, KEEP_SIZE, start, len) };
        #[cfg(target_pointer_width = "32")]
        // SAFETY: plain numbers, low halves first; the arguments fit six registers.
        let done = unsafe {
            syscall!(
                libc::SYS_fallocate,
                self.fd,
                KEEP_SIZE,
                start as u32,
                (start >> 32) as u32,
                len as u32,
                (len >> 32) as u32
            )
        };
        match done {
            Err(Errno::EOPNOTSUPP) => Ok(()),
            other => other.map(drop),
        }
    }

    /// fchmod(2).
    pub(crate) fn fchmod(&self, mode: u32) -> Result<()> {
        // SAFETY: plain numbers.
        unsafe { syscall!(libc::SYS_fchmod, self.fd, mode) }.map(drop)
    }

    /// fchown(2), for a descriptor that was opened with `O_PATH` too.
    pub(crate) fn fchown(&self, uid: u32, gid: u32) -> Result<()> {
        paths::fchownat(self.fd, c"", (uid, gid), libc::AT_EMPTY_PATH)
    }

    /// A path that leads to this very file, even if its name now leads elsewhere; for calls that take no descriptor
    /// opened with `O_PATH`.
    pub(crate) fn own_path(&self) -> Text<48> {
        // The process's own directory is empty once its main thread has ended.
        let mut path = super::paths::thread_path("/fd/");
        path.push_decimal(self.fd.unsigned_abs().into());
        path
    }

    /// pread(2) from the start; returns how much was read.
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
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = close(self.fd);
        Self::forget(1);
    }
}

/// open(2) with exactly these flags.
pub(crate) fn open(path: &CStr, flags: i32, mode: u32) -> Result<i32> {
    openat(libc::AT_FDCWD, path, flags, mode)
}

/// [`open`] of a path that begins in a directory.
pub(crate) fn openat(directory: i32, path: &CStr, flags: i32, mode: u32) -> Result<i32> {
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

/// statfs(2).
pub(crate) fn statfs(path: &CStr) -> Result<FileSystem> {
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

/// write(2) to a descriptor that is not ours to close: for messages.
pub(crate) fn write(fd: i32, bytes: &[u8]) {
    // SAFETY: the buffer is readable for its length.
    let _ = unsafe { syscall!(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) };
}
