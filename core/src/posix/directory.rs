//! Where POSIX objects live: `/dev/shm`, as with every C library, so that programs with and without this library share
//! them; or `posix/` of the namespace when `PARTAGE_DIR` names one, and where there is no `/dev/shm`.
//! Tested by `c_tests/posix` and `reliability/tests/security`.

use crate::error::{Errno, Result};
use crate::log;
use crate::namespace;
use crate::options;
use crate::os::{directories, identity, paths};
use crate::sync::{AtomicU32, Ordering};
use crate::text::Path;
use core::cell::UnsafeCell;

/// Where objects are.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// With a slash at the end.
    pub(super) path: Path,
    /// Another member made it, and could replace it by a link: so it is opened without following links first.
    pub(super) is_peers: bool,
}

impl Place {
    fn own(path: Path) -> Place {
        Place {
            path,
            is_peers: false,
        }
    }
}

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

/// The directory. In a namespace, `make` makes it where it is missing.
///
/// # Errors
/// - `ENOTDIR` something else is in its place
/// - what finding the namespace's directory says
pub(super) fn place(make: bool) -> Result<Place> {
    if KNOWN.state.load(Ordering::Acquire) == WRITTEN {
        // SAFETY: it is written, and not written again.
        return Ok(Place::own(unsafe { *KNOWN.path.get() }));
    }
    let mut path = Path::new();
    if !options::has_own_objects() && paths::lstat(c"/dev/shm").is_ok() {
        path.push_str("/dev/shm/");
    } else {
        let directory = namespace::find(namespace::Make::IfMissing)?;
        path.push_text(&directory.path);
        path.push_str("/posix");
        let owner = make_directory(&path, directory.status.mode & MODE, make);
        path = with_slash(path);
        match owner {
            // Without it no object can be found. The next call looks again.
            Err(Errno::ENOENT) => return Ok(Place::own(path)),
            Err(error) => return Err(error),
            Ok(owner) if [0, identity::euid(), directory.status.uid].contains(&owner) => {}
            Ok(_) => {
                return Ok(Place {
                    path,
                    is_peers: true,
                });
            }
        }
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
    Ok(Place::own(path))
}

fn with_slash(mut path: Path) -> Path {
    path.push_str("/");
    path
}

/// Returns the owner; `ENOENT` when it is missing and not to be made.
fn make_directory(path: &Path, mode: u32, make: bool) -> Result<u32> {
    let status = match paths::lstat(path.as_c_str()) {
        Err(Errno::ENOENT) if make => {
            match directories::mkdir(path.as_c_str(), mode) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(error),
            }
            paths::lstat(path.as_c_str())?
        }
        other => other?,
    };
    if status.mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(log::write_error(Errno::ENOTDIR, |line| {
            line.bytes(path.bytes()).str(" is not a directory")
        }));
    }
    // The umask must not close a shared namespace to others. And its maker may have died before its mode was right.
    if status.uid == identity::euid() && status.mode & MODE != mode {
        paths::chmod(path.as_c_str(), mode)?;
    }
    Ok(status.uid)
}
