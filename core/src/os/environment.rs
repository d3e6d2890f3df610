//! What the process was started with: environment variables and the kernel's auxiliary values.
//! Tested by `tests/tests/variables.rs`.

use crate::sync::{AtomicUsize, Ordering};
use core::ffi::{CStr, c_char};

unsafe extern "C" {
    /// The C library's own pointer to the environment; set before the first constructor runs.
    static environ: *const *const c_char;
}

/// The value of environment variable `name`; `None` when unset.
///
/// The library reads its variables once, at its first call, as any C program's start-up code does.
pub(crate) fn variable(name: &str) -> Option<&'static [u8]> {
    // SAFETY: `environ` is null or an array of C strings that ends with a null pointer.
    unsafe {
        let mut entry = environ;
        if entry.is_null() {
            return None;
        }
        while !(*entry).is_null() {
            let bytes = CStr::from_ptr(*entry).to_bytes();
            if let Some(value) = bytes
                .strip_prefix(name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
            {
                return Some(value);
            }
            entry = entry.add(1);
        }
    }
    None
}

/// The kernel's auxiliary value of this kind, 0 when there is none.
pub(crate) fn auxiliary(kind: libc::c_ulong) -> usize {
    // SAFETY: the call reads the auxiliary vector.
    unsafe { libc::getauxval(kind) as usize }
}

/// Whether this program runs with more rights than who started it: then its environment is not to be trusted.
pub(crate) fn is_privileged_start() -> bool {
    auxiliary(libc::AT_SECURE) != 0
}

/// An address at the far end of the main thread's stack: the kernel puts the random bytes for start-up there.
/// Asked for once: the C library looks through a list.
pub(crate) fn stack_end() -> usize {
    static END: AtomicUsize = AtomicUsize::new(0);
    let known = END.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let end = auxiliary(libc::AT_RANDOM);
    END.store(end, Ordering::Relaxed);
    end
}
