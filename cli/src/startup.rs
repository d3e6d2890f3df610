//! The process as the caller handed it over.
#![cfg_attr(test, allow(dead_code))]

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Opens `/dev/null` at each closed one of the descriptors 0 to 2, so that no file of ours can
/// land where messages are written. Close-on-exec: a program that is run gets them closed, as
/// the caller meant.
pub(crate) fn fill_standard_descriptors() {
    for fd in 0..=2 {
        // SAFETY: F_GETFD reads a flag of a descriptor and touches no memory.
        let closed = unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1;
        if closed {
            // SAFETY: the path is a C string; open takes the lowest free descriptor, `fd`.
            unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        }
    }
}

/// The command line as owned strings.
///
/// # Safety
/// `argv` must point to `argc` C strings that stay valid during the call, as in `main`.
pub(crate) unsafe fn words(argc: libc::c_int, argv: *const *const libc::c_char) -> Vec<OsString> {
    (0..usize::try_from(argc).unwrap_or(0))
        .map(|index| {
            // SAFETY: `index < argc`, and each of those entries is a valid C string (caller).
            let word = unsafe { CStr::from_ptr(*argv.add(index)) };
            OsStr::from_bytes(word.to_bytes()).to_owned()
        })
        .collect()
}
