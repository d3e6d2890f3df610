//! Whether a file is open anywhere, as the kernel itself counts: also in processes that cannot be
//! seen, and in descriptors on their way from one process to another.

use super::FileId;
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{Uid, setfsuid};
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Another command that looks at this moment has the file open, too.
const TRIES: u32 = 4;

/// A write lease (fcntl(2), `F_SETLEASE`) is given only for a file that nobody else has open or
/// mapped. It is given back at once. `None` where it cannot be asked for: the file is another
/// user's, or on a file system without leases.
pub(crate) fn is_open_anywhere(path: &Path, expected: FileId) -> Option<bool> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(Duration::from_millis(1));
        }
        let file = options.open(path).ok()?;
        let data = file.metadata().ok()?;
        if FileId::of(&data) != expected {
            return None;
        }
        match lease_as(Uid::from_raw(data.uid()), file.as_raw_fd()) {
            Ok(()) => return Some(false),
            Err(Errno::EAGAIN) => {}
            Err(_) => return None,
        }
    }
    Some(true)
}

/// Only a file's owner gets a lease on it, or who has `CAP_LEASE`, which root in a container has not:
/// he asks as the owner. Of this process's one thread, that concerns files only.
fn lease_as(owner: Uid, fd: i32) -> nix::Result<()> {
    let taken = try_lease(fd);
    if taken != Err(Errno::EACCES) || !Uid::effective().is_root() {
        return taken;
    }
    let before = setfsuid(owner);
    let taken = try_lease(fd);
    setfsuid(before);
    taken
}

/// Takes the lease and gives it back. Who opens the file in between waits for that, and this
/// process gets SIGIO, which it must not die of.
fn try_lease(fd: i32) -> nix::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed, the signal is only ignored meanwhile.
    let before = unsafe { sigaction(Signal::SIGIO, &ignore) };
    // SAFETY: both calls take numbers only.
    let taken = Errno::result(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_WRLCK) });
    if taken.is_ok() {
        // SAFETY: as above; closing the file would give it back as well.
        unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) };
    }
    if let Ok(before) = before {
        // SAFETY: puts back what was there.
        let _ = unsafe { sigaction(Signal::SIGIO, &before) };
    }
    taken.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn open_and_closed() {
        let path = format!("/dev/shm/partage-lease-{}", std::process::id());
        let path = Path::new(&path);
        let file = File::create(path).unwrap();
        let id = FileId::of(&file.metadata().unwrap());
        let open = is_open_anywhere(path, id);
        drop(file);
        let closed = is_open_anywhere(path, id);
        let other = is_open_anywhere(path, FileId::new(0, 0));
        std::fs::remove_file(path).unwrap();
        assert_eq!((open, closed, other), (Some(true), Some(false), None));
        assert_eq!(is_open_anywhere(path, id), None);
    }
}
