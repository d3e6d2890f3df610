//! Where this thread's `errno` is: `__errno_location` of glibc and musl, `__errno` of bionic.
//!
//! A static program has the function only if something asks for it, so the archive asks for it, as any program does.
//! The shared objects ask for it as a weak symbol, since they may name nothing that one of the three lacks.
//! `core/src/os/c_library.rs` says how one source does both.

use crate::word;
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};

/// The function of the C library that this is built for.
#[cfg(not(target_os = "android"))]
macro_rules! own {
    () => {
        "__errno_location"
    };
}
/// The other.
#[cfg(not(target_os = "android"))]
macro_rules! other {
    () => {
        "__errno"
    };
}
#[cfg(target_os = "android")]
macro_rules! own {
    () => {
        "__errno"
    };
}
#[cfg(target_os = "android")]
macro_rules! other {
    () => {
        "__errno_location"
    };
}

core::arch::global_asm!(
    concat!(".weak __real_", own!()),
    concat!(".weak ", other!()),
    ".pushsection .data.rel.ro.partage_errno,\"aw\"",
    ".balign 8",
    ".hidden partage_errno",
    ".globl partage_errno",
    "partage_errno:",
    concat!(word!(), own!()),
    concat!(word!(), "__real_", own!()),
    concat!(word!(), other!()),
    ".popsection"
);

type Location = Option<unsafe extern "C" fn() -> *mut c_int>;

unsafe extern "C" {
    /// The words above: null where there is no such function.
    #[link_name = "partage_errno"]
    static FOUND: [Location; 3];
}

/// Whether the C library is bionic.
#[must_use]
pub fn is_bionic() -> bool {
    // SAFETY: as in `location`.
    let [own, _, other] = unsafe { FOUND };
    if cfg!(target_os = "android") {
        own.is_some()
    } else {
        other.is_some()
    }
}

/// Address of this thread's `errno`.
#[inline]
#[must_use]
pub fn location() -> *mut c_int {
    // SAFETY: the pointers are filled in before the program starts, and constant.
    let [linked, shared, other] = unsafe { FOUND };
    match linked.or(shared).or(other) {
        // SAFETY: the C library's function, which has no preconditions.
        Some(location) => unsafe { location() },
        None => nobodys(),
    }
}

/// Without a C library nobody reads it.
#[cold]
fn nobodys() -> *mut c_int {
    static NOWHERE: AtomicI32 = AtomicI32::new(0);
    NOWHERE.store(0, Ordering::Relaxed);
    NOWHERE.as_ptr()
}
