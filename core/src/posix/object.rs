//! shm_open(3) and shm_unlink(3). Neither is a cancellation point.

use super::directory;
use super::name::{Flavor, Use, file_name, translate};
use crate::error::{Errno, Result};
use crate::os::{c_library, files};
use crate::text::Path;

fn flavor() -> Flavor {
    if c_library::is_glibc() {
        Flavor::Glibc
    } else {
        Flavor::Musl
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
    let path = object_path(name, flavor, Use::Open, oflag & libc::O_CREAT != 0)?;
    let forced = libc::O_NOFOLLOW
        | libc::O_CLOEXEC
        | libc::O_LARGEFILE
        | if flavor == Flavor::Musl {
            libc::O_NONBLOCK
        } else {
            0
        };
    files::open_raw(path.as_c_str(), oflag | forced, mode)
        .map_err(|error| translate(error, flavor, Use::Open))
}

/// Removes an object's name.
///
/// # Errors
/// - `ENOENT` there is none
/// - `EACCES` no permission
/// - others as unlink(2)
pub fn unlink(name: &[u8]) -> Result<()> {
    let flavor = flavor();
    let path = object_path(name, flavor, Use::Unlink, false)?;
    files::unlink(path.as_c_str()).map_err(|error| translate(error, flavor, Use::Unlink))
}

fn object_path(name: &[u8], flavor: Flavor, purpose: Use, make: bool) -> Result<Path> {
    let file_name = file_name(name, flavor, purpose)?;
    let mut path = directory::path(make)?;
    path.push(file_name);
    if path.is_cut() {
        Err(Errno::ENAMETOOLONG)
    } else {
        Ok(path)
    }
}
