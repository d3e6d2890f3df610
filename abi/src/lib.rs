#![no_std]
//! The C side: raw pointers and flag words come in here and go no further.
//!
//! A call comes in through `sysv_calls.rs`, `posix_calls.rs` or `mapping_calls.rs`, is decoded there, goes to the function of
//! the same name in `partage-core`, and its result is encoded as C expects: a value, or -1 and errno.
//!
//! An object that depends on this crate exports every function that is marked `no_mangle` here, and runs the constructors.

mod c_types;
mod constructors;
pub mod mapping_calls;
mod own_names;
pub mod posix_calls;
mod signature_check;
pub mod sysv_calls;
pub mod version;

use partage_runtime as _;

use core::ffi::c_int;
use partage_core::{Errno, Result};

/// Writes errno: the only place that does. One copy of it, since every export has a way there.
#[cold]
#[inline(never)]
pub fn fail(error: Errno) {
    // SAFETY: the C library's errno of this thread.
    unsafe { *libc::errno::location() = error.0 };
}

/// An `int` result: the value, or -1 and errno. errno is not touched on success.
pub fn int(result: Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| {
        fail(error);
        -1
    })
}

/// An address result: the address, or `(void *) -1` and errno.
pub fn address<T>(result: Result<usize>) -> *mut T {
    let address = result.unwrap_or_else(|error| {
        fail(error);
        usize::MAX
    });
    core::ptr::with_exposed_provenance_mut(address)
}
