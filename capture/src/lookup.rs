//! `dlsym` and `dlvsym` by a handle.

use core::ffi::{CStr, c_char, c_void};

use crate::export::{Captured, Export};
use crate::next;

/// dlsym(3) by the handle of an object; the entry adds `captured`.
///
/// # Safety
/// As for dlsym(3).
pub unsafe extern "C" fn by_handle(
    handle: *mut c_void,
    name: *const c_char,
    captured: &'static Captured,
) -> usize {
    // SAFETY: the caller's own call, handed on.
    let found = unsafe { next::dlsym(handle, name) };
    // SAFETY: `found` says whether the name was read.
    unsafe { instead_of(found, name, captured) }
}

/// dlvsym(3) by the handle of an object.
///
/// # Safety
/// As for dlvsym(3).
pub unsafe extern "C" fn by_handle_and_version(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    captured: &'static Captured,
) -> usize {
    // SAFETY: the caller's own call, handed on.
    let found = unsafe { next::dlvsym(handle, name, version) };
    // SAFETY: `found` says whether the name was read.
    unsafe { instead_of(found, name, captured) }
}

/// Our function, if `found` is the one for which it stands in: the next that ours would call. An object that has a
/// function of that name for itself keeps it.
///
/// # Safety
/// If `found` is not 0, `name` is a C string.
unsafe fn instead_of(found: usize, name: *const c_char, captured: &'static Captured) -> usize {
    if found == 0 {
        return 0;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let stands_in = |export: &&Export| export.name == name && export.next() == found;
    match captured.all().find(stands_in) {
        Some(export) => export.ours.expose_provenance(),
        None => found,
    }
}
