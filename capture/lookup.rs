//! `dlsym` and `dlvsym` by a handle.

use core::ffi::{CStr, c_char, c_void};

use super::export::{Entries, Export};
use super::next;
use crate::captured::EXPORTS;

/// dlsym(3) by the handle of an object; `entries` are those of the object, which the entry adds.
///
/// # Safety
/// As for dlsym(3).
pub(super) unsafe extern "C" fn by_handle(
    handle: *mut c_void,
    name: *const c_char,
    entries: &'static Entries,
) -> usize {
    // SAFETY: the caller's own call, handed on.
    let found = unsafe { next::dlsym(handle, name) };
    // SAFETY: `found` says whether the name was read.
    unsafe { instead_of(found, name, entries) }
}

/// dlvsym(3) by the handle of an object.
///
/// # Safety
/// As for dlvsym(3).
pub(super) unsafe extern "C" fn by_handle_and_version(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    entries: &'static Entries,
) -> usize {
    // SAFETY: the caller's own call, handed on.
    let found = unsafe { next::dlvsym(handle, name, version) };
    // SAFETY: `found` says whether the name was read.
    unsafe { instead_of(found, name, entries) }
}

/// Our function, if `found` is the one for which it stands in: the next that ours would call. An object that has a
/// function of that name for itself keeps it.
///
/// # Safety
/// If `found` is not 0, `name` is a C string.
unsafe fn instead_of(found: usize, name: *const c_char, entries: &'static Entries) -> usize {
    if found == 0 {
        return 0;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let stands_in = |export: &&Export| export.name == name && export.next() == found;
    match EXPORTS.iter().chain(entries).find(stands_in) {
        Some(export) => export.ours.expose_provenance(),
        None => found,
    }
}
