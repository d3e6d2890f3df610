//! The next definitions of the functions that are entered here: the C library's, or those of an object preloaded after
//! this one.

use core::ffi::{c_char, c_long, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::objects;

macro_rules! functions {
    ($($place:ident, $find:ident = $name:literal;)*) => { $(
        /// Where to jump: 0 until the first call finds it.
        pub static $place: AtomicUsize = AtomicUsize::new(0);

        /// Finds the next definition.
        pub extern "C" fn $find() -> usize {
            found(&$place, $name, nothing as *const ())
        }
    )* };
}

functions! {
    DLOPEN, find_dlopen = b"dlopen";
    DLMOPEN, find_dlmopen = b"dlmopen";
    DLSYM, find_dlsym = b"dlsym";
    DLVSYM, find_dlvsym = b"dlvsym";
}

/// Where to jump: 0 until the first call finds it.
pub static SYSCALL: AtomicUsize = AtomicUsize::new(0);

/// syscall(2) of an object itself.
pub type BareSyscall =
    unsafe extern "C" fn(c_long, usize, usize, usize, usize, usize, usize) -> usize;

/// Finds the next definition of syscall(2), or takes `missing` where the C library has none.
pub fn find_syscall(missing: BareSyscall) -> usize {
    found(&SYSCALL, b"syscall", missing as *const ())
}

/// Fills in a place. Two threads may both look a function up, and find the same.
fn found(place: &AtomicUsize, name: &[u8], missing: *const ()) -> usize {
    let target = match objects::next_definition(name) {
        0 => missing.expose_provenance(),
        found => found,
    };
    place.store(target, Ordering::Relaxed);
    target
}

/// What stands for a function that the C library lacks: one that loads no objects loads not this one either.
extern "C" fn nothing() -> usize {
    0
}

fn target(place: &AtomicUsize, find: impl FnOnce() -> usize) -> usize {
    match place.load(Ordering::Relaxed) {
        0 => find(),
        known => known,
    }
}

/// A definition of this name in any object but this one; 0 if there is none. Only for what came with the program.
#[must_use]
pub fn definition(name: &[u8]) -> usize {
    objects::next_definition(name)
}

/// The next dlsym(3), as called by this object: that is where it begins for `RTLD_NEXT`.
///
/// # Safety
/// As for dlsym(3).
pub unsafe fn dlsym(handle: *mut c_void, name: *const c_char) -> usize {
    type Function = unsafe extern "C" fn(*mut c_void, *const c_char) -> usize;
    // SAFETY: a function of this name has this type.
    let next = unsafe { core::mem::transmute::<usize, Function>(target(&DLSYM, || find_dlsym())) };
    // SAFETY: the caller's promise. The result is looked at below: this is no jump, which would pass on another caller.
    let found = unsafe { next(handle, name) };
    core::hint::black_box(found)
}

/// The next dlvsym(3).
///
/// # Safety
/// As for dlvsym(3).
pub(crate) unsafe fn dlvsym(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> usize {
    type Function = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> usize;
    // SAFETY: a function of this name has this type.
    let next =
        unsafe { core::mem::transmute::<usize, Function>(target(&DLVSYM, || find_dlvsym())) };
    // SAFETY: the caller's promise.
    unsafe { next(handle, name, version) }
}

/// The next syscall(2), which reports errors as the C library does; `missing` where it has none.
///
/// # Safety
/// As the system call demands.
pub unsafe fn syscall(number: c_long, args: [usize; 6], missing: BareSyscall) -> usize {
    // SAFETY: with six arguments, syscall has this type.
    let next = unsafe {
        core::mem::transmute::<usize, BareSyscall>(target(&SYSCALL, || find_syscall(missing)))
    };
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller's promise.
    unsafe { next(number, a, b, c, d, e, f) }
}
