//! The next definitions of the functions that are entered here: the C library's, or those of an object preloaded after
//! this one.

use core::ffi::{c_char, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::objects;

macro_rules! functions {
    ($($place:ident, $find:ident = $name:literal, $missing:expr;)*) => { $(
        /// Where to jump: 0 until the first call finds it.
        pub(super) static $place: AtomicUsize = AtomicUsize::new(0);

        /// Finds the next definition. Two threads may both look it up, and find the same.
        pub(super) extern "C" fn $find() -> usize {
            let found = objects::next_definition($name);
            let target = if found == 0 { $missing as *const () as usize } else { found };
            $place.store(target, Ordering::Relaxed);
            target
        }
    )* };
}

functions! {
    DLOPEN, find_dlopen = b"dlopen", nothing;
    DLMOPEN, find_dlmopen = b"dlmopen", nothing;
    DLSYM, find_dlsym = b"dlsym", nothing;
    DLVSYM, find_dlvsym = b"dlvsym", nothing;
    SYSCALL, find_syscall = b"syscall", crate::captured::bare_syscall;
}

/// What stands for a function that the C library lacks: one that loads no objects loads not this one either.
extern "C" fn nothing() -> usize {
    0
}

fn target(place: &AtomicUsize, find: extern "C" fn() -> usize) -> usize {
    match place.load(Ordering::Relaxed) {
        0 => find(),
        known => known,
    }
}

/// A definition of this name in any object but this one; 0 if there is none. Only for what came with the program.
#[allow(dead_code, reason = "for the recorder")]
pub(crate) fn definition(name: &[u8]) -> usize {
    objects::next_definition(name)
}

/// The next dlsym(3), as called by this object: that is where it begins for `RTLD_NEXT`.
///
/// # Safety
/// As for dlsym(3).
pub(crate) unsafe fn dlsym(handle: *mut c_void, name: *const c_char) -> usize {
    type Function = unsafe extern "C" fn(*mut c_void, *const c_char) -> usize;
    // SAFETY: a function of this name has this type.
    let next = unsafe { core::mem::transmute::<usize, Function>(target(&DLSYM, find_dlsym)) };
    // SAFETY: the caller's promise. The result is looked at below: this is no jump, which would pass on another caller.
    let found = unsafe { next(handle, name) };
    core::hint::black_box(found)
}

/// The next dlvsym(3).
///
/// # Safety
/// As for dlvsym(3).
pub(super) unsafe fn dlvsym(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> usize {
    type Function = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> usize;
    // SAFETY: a function of this name has this type.
    let next = unsafe { core::mem::transmute::<usize, Function>(target(&DLVSYM, find_dlvsym)) };
    // SAFETY: the caller's promise.
    unsafe { next(handle, name, version) }
}

/// The next syscall(2), which reports errors as the C library does.
///
/// # Safety
/// As the system call demands.
#[allow(dead_code, reason = "the preload answers its calls by itself")]
pub(crate) unsafe fn syscall(number: usize, args: [usize; 6]) -> usize {
    type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize, usize) -> usize;
    // SAFETY: with six arguments, syscall has this type.
    let next = unsafe { core::mem::transmute::<usize, Function>(target(&SYSCALL, find_syscall)) };
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller's promise.
    unsafe { next(number, a, b, c, d, e, f) }
}
