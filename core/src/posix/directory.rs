//! Where POSIX objects live: `/dev/shm`, as with every C library, so that programs with and without this library share
//! them; or `posix/` of the namespace when `PARTAGE_DIR` names one, and where there is no `/dev/shm`.

use crate::error::{Errno, Result};
use crate::namespace;
use crate::options;
use crate::os::{directories, files};
use crate::sync::{AtomicU32, Ordering};
use crate::text::Path;
use core::cell::UnsafeCell;

/// Mode bits of the namespace's directory that its `posix/` gets as well.
const MODE: u32 = 0o1777;

/// The path, once it is known.
struct Known {
    state: AtomicU32,
    path: UnsafeCell<Path>,
}

const NOT_YET: u32 = 0;
const BEING_WRITTEN: u32 = 1;
const WRITTEN: u32 = 2;

// SAFETY: the path is written by the one who changes the state from NOT_YET, and read once the state is WRITTEN.
unsafe impl Sync for Known {}

static KNOWN: Known = Known {
    state: AtomicU32::new(NOT_YET),
    path: UnsafeCell::new(Path::new()),
};

/// The directory's path, with a slash at the end. In a namespace, `make` makes it where it is missing.
///
/// # Errors
/// What finding the namespace's directory says.
pub(super) fn path(make: bool) -> Result<Path> {
    if KNOWN.state.load(Ordering::Acquire) == WRITTEN {
        // SAFETY: it is written, and not written again.
        return Ok(unsafe { *KNOWN.path.get() });
    }
    let mut path = Path::new();
    if options::directory().is_none() && files::status(c"/dev/shm").is_ok() {
        path.push_str("/dev/shm/");
    } else {
        let directory = namespace::find(namespace::Make::IfMissing)?;
        path = directory.path;
        path.push_str("/posix");
        match make_directory(&path, directory.status.mode & MODE, make) {
            // Without it nothing can be found in it; the next call looks again.
            Err(Errno::ENOENT) => return Ok(with_slash(path)),
            other => other?,
        }
        path = with_slash(path);
    }
    if KNOWN
        .state
        .compare_exchange(NOT_YET, BEING_WRITTEN, Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
    {
        // SAFETY: only this thread has changed the state, and nobody reads before it changes again.
        unsafe { *KNOWN.path.get() = path };
        KNOWN.state.store(WRITTEN, Ordering::Release);
    }
    Ok(path)
}

fn with_slash(mut path: Path) -> Path {
    path.push_str("/");
    path
}

/// `ENOENT` when it is missing and not to be made.
fn make_directory(path: &Path, mode: u32, make: bool) -> Result<()> {
    match files::status(path.as_c_str()) {
        Err(Errno::ENOENT) if make => {}
        other => return other.map(drop),
    }
    match directories::make_directory(path.as_c_str(), mode) {
        // The umask must not close a shared namespace to others.
        Ok(()) => files::set_mode(path.as_c_str(), mode),
        Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error),
    }
}
