//! AddressSanitizer's runtime refuses to start behind another preloaded object, unless it is told not to look. A program
//! that a recorded one starts has nobody to put the runtime first; it asks this function for its defaults, before it
//! reads `ASAN_OPTIONS`. A program's own function of this name comes before ours.

use core::ffi::c_char;

/// Options of AddressSanitizer, as `ASAN_OPTIONS` has them.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name is given")]
pub(crate) extern "C" fn __asan_default_options() -> *const c_char {
    c"verify_asan_link_order=0".as_ptr()
}
