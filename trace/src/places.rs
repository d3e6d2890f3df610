//! What a path leads to, where its first bytes do not tell: it is relative, or leads through a link of /proc.
//!
//! A file of shared memory is known by its device, that of `/dev/shm`. Only a path that may lead there costs a look.

use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicU64, Ordering};

use partage_trace_format::payload::NAME_MAX;
use partage_trace_format::structs::File;

use crate::options;
use crate::sys;
use crate::text::Text;

const DEV_SHM: &[u8] = b"/dev/shm/";

/// Whether a path names a shared memory object.
#[inline]
pub(crate) fn is_shared_path(path: &[u8]) -> bool {
    path.starts_with(DEV_SHM)
        || options::posix_directory().is_some_and(|directory| path.starts_with(directory))
}

/// Longest prefix that `is_shared_path` looks at.
pub(crate) fn prefix_len() -> usize {
    options::posix_directory().map_or(DEV_SHM.len(), |directory| {
        directory.len().max(DEV_SHM.len())
    })
}

/// A path written out.
pub(crate) type Path = Text<{ NAME_MAX + 1 }>;

const NOT_KNOWN: u64 = u64::MAX;

static DEVICE: AtomicU64 = AtomicU64::new(NOT_KNOWN);

/// The device of `/dev/shm`; 0, which no file has, where there is none.
fn device() -> u64 {
    let known = DEVICE.load(Ordering::Relaxed);
    if known != NOT_KNOWN {
        return known;
    }
    let found = sys::stat_at(libc::AT_FDCWD, c"/dev/shm").map_or(0, |stat| stat.st_dev);
    DEVICE.store(found, Ordering::Relaxed);
    found
}

/// Whether a path that does not begin as a shared one may be one all the same.
#[inline]
pub(crate) fn may_lead_there(path: &[u8]) -> bool {
    const STARTS: [&[u8]; 5] = [b"/dev/", b"/run/shm", b"/var/run/shm", b"/proc/", b"//"];
    path.first() != Some(&b'/')
        || STARTS.iter().any(|start| path.starts_with(start))
        || path == b"/dev"
}

/// What a descriptor stands for, if that is a file.
pub(crate) fn file(fd: c_int) -> Option<File> {
    file_of(&sys::stat_fd(fd).ok()?)
}

/// What a path from the root leads to, if that is a file.
pub(crate) fn file_at(path: &CStr) -> Option<File> {
    file_of(&sys::stat_at(libc::AT_FDCWD, path).ok()?)
}

fn file_of(stat: &libc::stat) -> Option<File> {
    (stat.st_mode & libc::S_IFMT == libc::S_IFREG).then_some(File {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: stat.st_size as u64,
    })
}

/// The path of a new descriptor, if that stands for a file of shared memory.
#[cold]
#[inline(never)]
pub(crate) fn of_descriptor(fd: c_int) -> Option<Path> {
    let stat = sys::stat_fd(fd).ok()?;
    if stat.st_dev != device() || stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        return None;
    }
    let path = link(fd)?;
    is_shared_path(path.as_bytes()).then_some(path)
}

/// The whole of a relative path, if it leads into a directory of shared memory.
#[cold]
#[inline(never)]
pub(crate) fn of_relative(directory: c_int, path: &[u8]) -> Option<Path> {
    if path.is_empty() || path.first() == Some(&b'/') {
        return None;
    }
    let stat = if directory == libc::AT_FDCWD {
        sys::stat_at(directory, c".")
    } else {
        sys::stat_fd(directory)
    };
    if stat.ok()?.st_dev != device() {
        return None;
    }
    let mut whole = link(directory)?;
    whole.push(b"/");
    whole.push(path.strip_prefix(b"./").unwrap_or(path));
    is_shared_path(whole.as_bytes()).then_some(whole)
}

/// Where a descriptor, or the working directory, is.
fn link(fd: c_int) -> Option<Path> {
    let mut buffer = [0; NAME_MAX];
    let link = read_link(fd, &mut buffer)?;
    let mut path = Path::new();
    path.push(link);
    Some(path)
}

/// The same. Once the main thread has ended, only the other threads' own directories have links.
pub(crate) fn read_link(fd: c_int, buffer: &mut [u8]) -> Option<&[u8]> {
    let below = |directory: &[u8]| {
        let mut name = Text::<40>::new();
        name.push(directory);
        if fd == libc::AT_FDCWD {
            name.push(b"/cwd");
        } else {
            name.push(b"/fd/").push_number(fd.try_into().ok()?);
        }
        Some(name)
    };
    let own = below(b"/proc/self")?;
    let len = match sys::read_link(own.as_c_str()?, buffer) {
        Ok(link) => link.len(),
        Err(_) => {
            let threads = below(b"/proc/thread-self")?;
            sys::read_link(threads.as_c_str()?, buffer).ok()?.len()
        }
    };
    buffer.get(..len)
}
