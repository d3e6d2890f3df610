//! Functions that one C library has and another has not, looked up when the program is linked or loaded.
//!
//! `pthread_atfork` is special. A static program has it only if something asks for it, and without it the children of a
//! fork would not be counted. So the archive asks for it, as any program does. The shared object must not, because
//! glibc gives it to no shared object. So it is linked with `--wrap=pthread_atfork`: the plain name becomes
//! `__wrap_pthread_atfork`, which is set to null, and `__real_pthread_atfork` becomes the plain name, as a weak symbol.
//! Tested by `tests/tests/symbols.rs`.

use crate::sync::{AtomicU8, Ordering};
use core::ffi::{c_int, c_void};
use libc::word;

core::arch::global_asm!(
    ".weak __register_atfork",
    ".weak __real_pthread_atfork",
    ".weak gnu_get_libc_version",
    ".weak __libc_setup_tls",
    ".weak __libc_single_threaded",
    ".pushsection .data.rel.ro.partage_c_library,\"aw\"",
    ".balign 8",
    ".hidden partage_c_library",
    ".globl partage_c_library",
    "partage_c_library:",
    concat!(word!(), "__register_atfork"),
    concat!(word!(), "pthread_atfork"),
    concat!(word!(), "__real_pthread_atfork"),
    concat!(word!(), "gnu_get_libc_version"),
    concat!(word!(), "__libc_setup_tls"),
    concat!(word!(), "__libc_single_threaded"),
    ".popsection"
);

/// Called before a fork, or after it in the parent or the child.
pub(crate) type Handler = unsafe extern "C" fn();

type PthreadAtfork = unsafe extern "C" fn(Handler, Handler, Handler) -> c_int;

/// The pointers above: null where there is no such symbol.
#[repr(C)]
struct Found {
    register_atfork: Option<unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int>,
    linked_pthread_atfork: Option<PthreadAtfork>,
    loaded_pthread_atfork: Option<PthreadAtfork>,
    glibc_shared: usize,
    glibc_static: usize,
    single_threaded: *const AtomicU8,
}

unsafe extern "C" {
    #[link_name = "partage_c_library"]
    static FOUND: Found;
}

/// Whether this is musl: neither the GNU C library nor bionic.
pub(crate) fn is_musl() -> bool {
    // SAFETY: the pointers are filled in before the program starts, and constant.
    let is_glibc = unsafe { FOUND.glibc_shared != 0 || FOUND.glibc_static != 0 };
    !is_glibc && !libc::errno::is_bionic()
}

/// Whether the C library says that there is one thread only. glibc does since 2.32, the others never.
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: the C library's own byte, or null.
    let byte = unsafe { FOUND.single_threaded.as_ref() };
    byte.is_some_and(|byte| byte.load(Ordering::Relaxed) != 0)
}

/// Registers handlers for every fork from now on. If the C library cannot do so, a child is noticed at its first call.
pub(crate) fn at_fork(prepare: Handler, parent: Handler, child: Handler) {
    // SAFETY: the C library's own functions, or null; the handlers stay, the object is never unloaded.
    unsafe {
        if let Some(register) = FOUND.register_atfork {
            register(prepare, parent, child, core::ptr::null_mut());
        } else if let Some(register) = FOUND.linked_pthread_atfork.or(FOUND.loaded_pthread_atfork) {
            register(prepare, parent, child);
        }
    }
}
