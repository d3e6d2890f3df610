//! The C side: raw pointers and flag words come in here and go no further.

mod c_types;
mod mapping_calls;
mod posix_calls;
mod signature_check;
pub(crate) mod sysv_calls;

use core::ffi::c_int;
use partage_core::os::arch::errno_location;
use partage_core::{Errno, Result};

/// Writes errno: the only place that does.
pub(crate) fn fail(error: Errno) {
    // SAFETY: the C library's errno of this thread.
    unsafe { *errno_location() = error.0 };
}

/// An `int` result: the value, or -1 and errno. errno is not touched on success.
pub(crate) fn int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| {
        fail(error);
        -1
    })
}

/// An address result: the address, or `(void *) -1` and errno.
pub(crate) fn address<T>(result: Result<usize>) -> *mut T {
    let address = result.unwrap_or_else(|error| {
        fail(error);
        usize::MAX
    });
    core::ptr::with_exposed_provenance_mut(address)
}
