//! The one error type: an `errno` value, kept silent until the C ABI writes it. Tested by `reliability/tests/faults`.

use core::ffi::c_int;

/// A Linux error number, 1 to 4095.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Errno(pub c_int);

/// What every fallible function of this crate returns.
pub type Result<T> = core::result::Result<T, Errno>;

macro_rules! errnos {
    ($($name:ident)*) => {
        impl Errno {
            $(#[doc = concat!("`", stringify!($name), "`, see errno(3).")]
            pub const $name: Errno = Errno(libc::$name);)*

            /// The symbolic name, for messages; `E?` for a number that this library never produces itself.
            pub fn name(self) -> &'static str {
                match self {
                    $(Errno::$name => stringify!($name),)*
                    _ => "E?",
                }
            }
        }
    };
}

errnos! {
    EACCES EAGAIN EBADF EDEADLK EDQUOT EEXIST EFAULT EFBIG EIDRM EINTR EINVAL EISDIR ELOOP EMFILE ENAMETOOLONG
    ENFILE ENODEV ENOENT ENOLCK ENOMEM ENOSPC ENOSYS ENOTDIR ENXIO EOPNOTSUPP EOVERFLOW EPERM EPROTO EROFS
    ESRCH ESTALE ETIMEDOUT ETXTBSY EUCLEAN
}
