//! The next definitions of `dlopen` and `syscall`: the C library's, or those of an object preloaded after this one.

use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Where to jump: 0 until the first call finds it.
pub(crate) static DLOPEN: AtomicUsize = AtomicUsize::new(0);
/// Likewise.
pub(crate) static SYSCALL: AtomicUsize = AtomicUsize::new(0);

// Weak: older C libraries have it in a library of its own, which a program that opens no plugin does without.
core::arch::global_asm!(
    ".weak dlsym",
    ".pushsection .data.rel.ro.partage_dlsym,\"aw\"",
    ".balign 8",
    ".hidden partage_weak_dlsym",
    ".globl partage_weak_dlsym",
    "partage_weak_dlsym: .quad dlsym",
    ".popsection"
);

unsafe extern "C" {
    static partage_weak_dlsym:
        Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void>;
}

/// Finds the next `dlopen`.
pub(crate) extern "C" fn find_dlopen() -> usize {
    find(c"dlopen", &DLOPEN, no_dlopen as *const () as usize)
}

/// Finds the next `syscall`.
pub(crate) extern "C" fn find_syscall() -> usize {
    find(c"syscall", &SYSCALL, no_syscall as *const () as usize)
}

/// Two threads may both look it up, and find the same. errno stays as it is.
fn find(name: &CStr, place: &AtomicUsize, missing: usize) -> usize {
    let errno = partage_core::os::arch::errno_location();
    // SAFETY: errno of this thread, the C library's function or null, and a C string. The function looks behind the
    // object that calls it, which is this one.
    let found = unsafe {
        let before = *errno;
        let found =
            partage_weak_dlsym.map_or(0, |dlsym| dlsym(libc::RTLD_NEXT, name.as_ptr()).addr());
        *errno = before;
        found
    };
    let target = if found == 0 { missing } else { found };
    place.store(target, Ordering::Relaxed);
    target
}

/// A program whose C library loads no objects: this one is not loaded either.
extern "C" fn no_dlopen(_: *const c_char, _: c_int) -> *mut c_void {
    core::ptr::null_mut()
}

/// Where nothing can be looked up, the call is made here.
///
/// # Safety
/// As for syscall(2).
unsafe extern "C" fn no_syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // SAFETY: the caller's promise.
    let result = unsafe { partage_core::os::arch::raw(number, [a, b, c, d, e, f]) };
    crate::abi::address::<()>(result).addr() as c_long
}
