//! Whether the lock that tells living members from dead ones works on a file system.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::Mode;
use nix::unistd::{ftruncate, unlink};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// What keeps a member's lock on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// A mapping of the locked file: no descriptor has to stay open.
    Mapping,
    /// Only an open descriptor (overlayfs and the like).
    Descriptor,
    /// Nothing: there are no such locks.
    Nothing,
}

/// Tries it with a file in `directory`, which is removed again.
///
/// # Errors
/// The file cannot be made or mapped.
pub(crate) fn try_in(directory: &Path) -> nix::Result<Keeper> {
    let path = directory.join(format!("members-trial-{}", std::process::id()));
    let make = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let first = open(&path, make, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let second = open(&path, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
    unlink(&path)?;
    compare(first, &second?)
}

/// Locks through `first`, closes it while it is mapped, and looks through `second`.
fn compare(first: OwnedFd, second: &OwnedFd) -> nix::Result<Keeper> {
    const LENGTH: NonZeroUsize = NonZeroUsize::MIN;
    ftruncate(&first, 1)?;
    match fcntl(&first, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
        Err(Errno::EINVAL | Errno::ENOLCK | Errno::ENOSYS) => return Ok(Keeper::Nothing),
        result => result?,
    };
    if !is_locked(second)? {
        return Ok(Keeper::Nothing);
    }
    // SAFETY: a new mapping of a file of our own, never accessed.
    let page = unsafe {
        mmap(
            None,
            LENGTH,
            ProtFlags::PROT_READ,
            MapFlags::MAP_SHARED,
            &first,
            0,
        )?
    };
    drop(first);
    let held = is_locked(second);
    // SAFETY: the mapping was made above, and nobody refers to it.
    unsafe { munmap(page, LENGTH.get())? };
    Ok(if held? {
        Keeper::Mapping
    } else {
        Keeper::Descriptor
    })
}

fn is_locked(file: &OwnedFd) -> nix::Result<bool> {
    let mut lock = whole(libc::F_WRLCK);
    fcntl(file.as_fd(), FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// A lock of this kind on a whole file.
pub(crate) fn whole(kind: libc::c_int) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_keep_locks_on_tmpfs() {
        assert_eq!(try_in(Path::new("/dev/shm")), Ok(Keeper::Mapping));
    }

    #[test]
    fn missing_directory() {
        assert_eq!(try_in(Path::new("/no/such/directory")), Err(Errno::ENOENT));
    }
}
