//! The functions under C's own names, beside those with the prefix. Some programs overwrite the beginning of the System V calls and
//! of the mmap family, for which a jump to another name would be too short: there the body is what is behind both names.

/// `name(arguments) -> result = what it calls;`
macro_rules! own_names {
    ($($name:ident($($argument:ident: $kind:ty),* $(,)?) -> $result:ty = $body:expr;)*) => { $(
        #[doc = concat!("[`partage_", stringify!($name), "`] under its own name.")]
        ///
        /// # Safety
        #[doc = concat!("As for [`partage_", stringify!($name), "`].")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> $result {
            #[allow(unused_unsafe, reason = "a few are safe")]
            // SAFETY: the caller's promise.
            unsafe {
                $body
            }
        }
    )* };
}

pub(crate) use own_names;
