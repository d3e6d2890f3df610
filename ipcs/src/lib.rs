//! Preloaded by `partage run`: hides the kernel's table of segments.
//!
//! ipcs(1) and lsipc(1) of util-linux read `/proc/sysvipc/shm`, and ask shmctl(2) only where that
//! is absent. Under partage the table is the kernel's and shmctl is ours: with the table out of
//! sight they show what the programs beside them share. Nothing but that one path is touched.
#![no_std]

#[path = "../../src/runtime.rs"]
mod runtime;

use core::ffi::{CStr, c_char};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

const HIDDEN: &CStr = c"/proc/sysvipc/shm";

type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut libc::FILE;

/// The function that would have been called without us, found at the first call.
struct Next {
    name: &'static CStr,
    address: AtomicUsize,
}

static NEXT_FOPEN: Next = Next {
    name: c"fopen",
    address: AtomicUsize::new(0),
};
static NEXT_FOPEN64: Next = Next {
    name: c"fopen64",
    address: AtomicUsize::new(0),
};

impl Next {
    fn get(&self) -> Option<Open> {
        let mut address = self.address.load(Ordering::Relaxed);
        if address == 0 {
            // SAFETY: the name is a C string.
            address = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) } as usize;
            self.address.store(address, Ordering::Relaxed);
        }
        // SAFETY: null, or the C library's function of that name, which has this type.
        unsafe { transmute::<usize, Option<Open>>(address) }
    }

    /// # Safety
    /// As for fopen(3).
    unsafe fn call(&self, path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
        // SAFETY: a path is a C string (caller).
        let hidden = !path.is_null() && unsafe { CStr::from_ptr(path) } == HIDDEN;
        match self.get() {
            // SAFETY: the caller's own promise.
            Some(open) if !hidden => unsafe { open(path, mode) },
            _ => {
                set_errno(libc::ENOENT);
                null_mut()
            }
        }
    }
}

fn set_errno(value: i32) {
    #[cfg(target_os = "android")]
    use libc::__errno as location;
    #[cfg(not(target_os = "android"))]
    use libc::__errno_location as location;
    // SAFETY: the C library's own place for this thread's errno.
    unsafe { *location() = value };
}

/// fopen(3), for which `/proc/sysvipc/shm` does not exist.
///
/// # Safety
/// As for fopen(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    // SAFETY: the caller's own promise.
    unsafe { NEXT_FOPEN.call(path, mode) }
}

/// The same under the name that 32-bit programs with large files use.
///
/// # Safety
/// As for fopen(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen64(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    // SAFETY: the caller's own promise.
    unsafe { NEXT_FOPEN64.call(path, mode) }
}
