//! What callers are led to, who would pass the exported functions by: by a handle of the C library those functions, by
//! number the calls that they stand for.

use core::ffi::{c_int, c_long};
use partage_abi::{address, int, mapping_calls, posix_calls, sysv_calls};
use partage_core::mapping::{self, RemapRequest};

use partage_capture::{Export, Numbers};

partage_capture::entry_points! {
    exports: EXPORTS,
    numbers: NUMBERS,
    by_number: by_number,
    bare_syscall: bare_syscall,
    loading: loading,
    new_namespace: new_namespace,
}

macro_rules! exports {
    ($($calls:ident :: $name:ident,)*) => {
        [$(Export::new(stringify!($name), $calls::$name as *const ()),)*]
    };
}

/// The functions of the C library that the object stands in for.
static EXPORTS: [Export; 10] = exports![
    sysv_calls::shmget,
    sysv_calls::shmat,
    sysv_calls::shmdt,
    sysv_calls::shmctl,
    posix_calls::shm_open,
    posix_calls::shm_unlink,
    mapping_calls::mmap,
    mapping_calls::mmap64,
    mapping_calls::munmap,
    mapping_calls::mremap,
];

/// The calls that `by_number` answers.
static NUMBERS: Numbers = Numbers::new(&[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmdt,
    libc::SYS_shmctl,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
]);

/// A call as syscall(2) takes it. It goes past the exported function of the same meaning: a program that makes calls by
/// number may have overwritten that, and would end up here again.
///
/// # Safety
/// As for the system call of this number.
unsafe extern "C" fn by_number(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
    _return_address: usize,
    _frame_pointer: usize,
) -> usize {
    let word = |result: c_int| result as usize;
    // SAFETY: the caller's promise, call by call.
    unsafe {
        match number as c_long {
            libc::SYS_shmget => word(int(sysv_calls::get(a as libc::key_t, b, c as c_int))),
            libc::SYS_shmat => address::<()>(sysv_calls::attach(a as c_int, b, c as c_int)).addr(),
            libc::SYS_shmdt => word(int(sysv_calls::detach(a))),
            libc::SYS_shmctl => word(int(sysv_calls::control(a as c_int, b as c_int, c))),
            libc::SYS_mmap => {
                let mapped = mapping::mmap(a, b, c as c_int, d as c_int, e as c_int, f as i64);
                address::<()>(mapped).addr()
            }
            libc::SYS_munmap => word(int(mapping::munmap(a, b).map(|()| 0))),
            libc::SYS_mremap => {
                let request = RemapRequest {
                    old_address: a,
                    old_size: b,
                    new_size: c,
                    flags: d as c_int,
                    new_address: e,
                };
                address::<()>(mapping::mremap(&request)).addr()
            }
            _ => bare_syscall(number as c_long, a, b, c, d, e, f),
        }
    }
}

/// syscall(2) where the C library has none.
///
/// # Safety
/// As for syscall(2).
unsafe extern "C" fn bare_syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> usize {
    // SAFETY: the caller's promise.
    let result = unsafe { partage_core::os::arch::raw(number, [a, b, c, d, e, f]) };
    address::<()>(result).addr()
}

/// A new namespace: what is loaded there stays with its own C library.
extern "C" fn new_namespace() {}

/// Something is about to be loaded.
extern "C" fn loading() {}
