//! shm_open(3) and shm_unlink(3). Neither is a cancellation point.
//! Tested by `c_tests/posix` and `reliability/tests/security`.

use super::directory::{self, Place};
use super::name::{Flavor, Use, fault, file_name, is_too_long, translate};
use crate::error::{Errno, Result};
use crate::log;
use crate::os::c_library;
use crate::os::files::{self, File};
use crate::os::paths;
use crate::text::Path;
use core::ffi::CStr;

/// A descriptor that is open only during a call gets a number that programs do not expect.
const HIGH_DESCRIPTOR: i32 = 900;

fn flavor() -> Flavor {
    if c_library::is_musl() {
        Flavor::Musl
    } else {
        Flavor::Glibc
    }
}

/// Opens or makes an object; returns the descriptor.
///
/// # Errors
/// - `EINVAL`, `ENAMETOOLONG` the name, see [`super::name`]
/// - `EMFILE`, `ENFILE` no descriptor left
/// - `ENOENT` there is none, and `O_CREAT` is not given
/// - `EEXIST` there is one, and `O_CREAT | O_EXCL` is given
/// - others as open(2)
pub fn open(name: &[u8], oflag: i32, mode: u32) -> Result<i32> {
    let flavor = flavor();
    let (place, path) = object_path(name, flavor, Use::Open, oflag & libc::O_CREAT != 0)?;
    let forced = libc::O_NOFOLLOW
        | libc::O_CLOEXEC
        | libc::O_LARGEFILE
        | if flavor == Flavor::Musl {
            libc::O_NONBLOCK
        } else {
            0
        };
    in_place(&place, &path, |directory, path| {
        files::openat(directory, path, oflag | forced, mode)
    })
    .map_err(|error| translate(too_long(name, error), flavor, Use::Open))
}

/// Removes an object's name.
///
/// # Errors
/// - `ENOENT` there is none
/// - `EACCES` no permission
/// - others as unlink(2)
pub fn unlink(name: &[u8]) -> Result<()> {
    let flavor = flavor();
    let (place, path) = object_path(name, flavor, Use::Unlink, false)?;
    in_place(&place, &path, paths::unlinkat)
        .map_err(|error| translate(too_long(name, error), flavor, Use::Unlink))
}

/// A name that no file system takes is too long, even if the directory does not exist yet.
fn too_long(name: &[u8], error: Errno) -> Errno {
    if error == Errno::ENOENT && is_too_long(name) {
        Errno::ENAMETOOLONG
    } else {
        error
    }
}

/// Says what is wrong with a name: its errno, `ENOENT` above all, is taken for that of an object that is not there.
#[cold]
#[inline(never)]
fn explained(name: &[u8], purpose: Use, error: Errno) -> Errno {
    log::write_error(error, |line| {
        line.str(match purpose {
            Use::Open => "shm_open: `",
            Use::Unlink => "shm_unlink: `",
        })
        .bytes(name)
        .str("` ")
        .str(fault(name))
    })
}

fn object_path(name: &[u8], flavor: Flavor, purpose: Use, make: bool) -> Result<(Place, Path)> {
    let file_name =
        file_name(name, flavor, purpose).map_err(|error| explained(name, purpose, error))?;
    let place = directory::place(make)?;
    let mut path = place.path;
    path.push(file_name);
    if path.is_cut() {
        Err(Errno::ENAMETOOLONG)
    } else {
        Ok((place, path))
    }
}

/// Calls `act` with a directory and a path in it. If the directory could be replaced by a link, it is opened first.
fn in_place<T>(place: &Place, path: &Path, act: impl FnOnce(i32, &CStr) -> Result<T>) -> Result<T> {
    if !place.is_peers {
        return act(libc::AT_FDCWD, path.as_c_str());
    }
    let mut directory = Path::new();
    let parent = place.path.bytes();
    directory.push(parent.strip_suffix(b"/").unwrap_or(parent));
    let opened = File::open(directory.as_c_str(), libc::O_PATH | libc::O_DIRECTORY, 0)?;
    // The lowest number is for the object.
    let held = files::duplicate_from(opened.fd(), HIGH_DESCRIPTOR)
        .or_else(|_| files::duplicate_from(opened.fd(), opened.fd() + 1));
    drop(opened);
    let held = held?;
    let mut file_name = Path::new();
    file_name.push(path.bytes().strip_prefix(parent).unwrap_or(&[]));
    let done = act(held, file_name.as_c_str());
    let _ = files::close(held);
    done
}
