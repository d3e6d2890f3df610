//! `shm_open`, `shm_unlink`, under their own names and under the prefix `partage_`, and `partage_close`.

use crate::int;
use crate::own_names::own_names;
use core::ffi::{CStr, c_char, c_int};
use libc::mode_t;
use partage_core::{os, posix};

/// Opens or makes an object of no bytes; `mode` counts when it is made, less the umask. Returns a descriptor with close-on-exec, or
/// -1 with errno:
///
/// - `EINVAL`, `ENAMETOOLONG` the name is none, has a slash inside, or is too long
/// - `ENOENT` there is none, and `O_CREAT` is not given
/// - `EEXIST` there is one, and `O_CREAT | O_EXCL` is given
/// - `EACCES` no permission
/// - `EMFILE`, `ENFILE` no descriptor left
/// - others as open(2)
///
/// Source: shm_open(3), POSIX.
///
/// # Safety
/// `name` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_shm_open(
    name: *const c_char,
    oflag: c_int,
    mode: mode_t,
) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    #[allow(
        clippy::useless_conversion,
        reason = "mode_t is narrower on 32-bit Android"
    )]
    int(posix::open(name.to_bytes(), oflag, mode.into()))
}

/// Removes an object's name; memory stays as long as it is mapped or open. Returns 0, or -1 with errno:
///
/// - `ENOENT` there is none (`EINVAL`, `ENAMETOOLONG` for a bad name where the C library has it so)
/// - `EACCES` no permission
/// - others as unlink(2)
///
/// Source: shm_open(3), POSIX.
///
/// # Safety
/// `name` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn partage_shm_unlink(name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    int(posix::unlink(name.to_bytes()).map(|()| 0))
}

/// Closes a descriptor, without being a cancellation point. Returns 0, or -1 with errno:
///
/// - `EBADF` it is not open
///
/// Source: close(2), POSIX.
#[unsafe(no_mangle)]
pub extern "C" fn partage_close(fd: c_int) -> c_int {
    int(os::close(fd).map(|()| 0))
}

own_names! {
    shm_open(name: *const c_char, oflag: c_int, mode: mode_t) -> c_int = partage_shm_open(name, oflag, mode);
    shm_unlink(name: *const c_char) -> c_int = partage_shm_unlink(name);
}
