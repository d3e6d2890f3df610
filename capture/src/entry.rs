//! The entry points, for an object that takes them in. Their instructions are in `x86_64.rs` and `aarch64.rs`.

/// What dlopen's flags are cut to.
pub const KEPT_FLAGS: u32 = !libc::RTLD_DEEPBIND as u32;

/// Makes the entry points of an object, which exports them.
///
/// - `exports`: the functions that it stands in for, a static array of [`Export`](crate::Export)
/// - `numbers`: the system calls that it answers, a static [`Numbers`](crate::Numbers)
/// - `by_number`: answers them, a [`ByNumber`](crate::ByNumber)
/// - `bare_syscall`: syscall(2) where the C library has none, a [`BareSyscall`](crate::next::BareSyscall)
/// - `loading`, `new_namespace`: are told of a dlopen, and of a new namespace; `extern "C" fn()`
#[macro_export]
macro_rules! entry_points {
    (
        exports: $exports:path,
        numbers: $numbers:path,
        by_number: $by_number:path,
        bare_syscall: $bare_syscall:path,
        loading: $loading:path,
        new_namespace: $new_namespace:path $(,)?
    ) => {
        static CAPTURED: $crate::Captured = $crate::Captured::new(
            &$exports,
            dlopen as *const (),
            dlmopen as *const (),
            dlsym as *const (),
            dlvsym as *const (),
            syscall as *const (),
        );

        const _: $crate::ByNumber = $by_number;

        extern "C" fn find_syscall() -> usize {
            $crate::next::find_syscall($bare_syscall)
        }

        /// dlopen(3) without `RTLD_DEEPBIND`.
        ///
        /// # Safety
        /// As for dlopen(3).
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn dlopen() {
            ::core::arch::naked_asm!(
                $crate::dlopen_instructions!(),
                keep = const $crate::KEPT_FLAGS,
                note = sym $loading,
                next = sym $crate::next::DLOPEN,
                find = sym $crate::next::find_dlopen,
            )
        }

        /// dlmopen(3) without `RTLD_DEEPBIND`, a new namespace noted.
        ///
        /// # Safety
        /// As for dlmopen(3).
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn dlmopen() {
            ::core::arch::naked_asm!(
                $crate::dlmopen_instructions!(),
                keep = const $crate::KEPT_FLAGS,
                note = sym $new_namespace,
                next = sym $crate::next::DLMOPEN,
                find = sym $crate::next::find_dlmopen,
            )
        }

        /// dlsym(3), by a handle with our functions in place of the C library's. `RTLD_DEFAULT` and `RTLD_NEXT`, which are
        /// 0 and -1, go on.
        ///
        /// # Safety
        /// As for dlsym(3).
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn dlsym() {
            ::core::arch::naked_asm!(
                $crate::by_handle_instructions!(third),
                captured = sym CAPTURED,
                by_handle = sym $crate::lookup::by_handle,
                next = sym $crate::next::DLSYM,
                find = sym $crate::next::find_dlsym,
            )
        }

        /// dlvsym(3), likewise.
        ///
        /// # Safety
        /// As for dlvsym(3).
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn dlvsym() {
            ::core::arch::naked_asm!(
                $crate::by_handle_instructions!(fourth),
                captured = sym CAPTURED,
                by_handle = sym $crate::lookup::by_handle_and_version,
                next = sym $crate::next::DLVSYM,
                find = sym $crate::next::find_dlvsym,
            )
        }

        /// syscall(2), some calls by this object: those get their seven arguments, the return address and the caller's
        /// frame pointer.
        ///
        /// # Safety
        /// As for syscall(2).
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn syscall() {
            ::core::arch::naked_asm!(
                $crate::syscall_instructions!(),
                most = const $crate::NUMBERS,
                numbers = sym $numbers,
                by_number = sym $by_number,
                next = sym $crate::next::SYSCALL,
                find = sym find_syscall,
            )
        }
    };
}
