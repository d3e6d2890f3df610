//! Every export next to the `libc` crate's declaration of it: an array has one type, so this does not compile when a
//! prototype drifts. `mremap` is not here: the crate declares it with a variable argument, which Rust cannot define.

use crate::{mapping_calls as mapping, posix_calls as posix, sysv_calls as sysv};
use core::ffi::{c_char, c_int, c_void};
use libc::{key_t, mode_t, off_t, off64_t, shmid_ds, size_t};

type Mmap = unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int, c_int, off_t) -> *mut c_void;
type Mmap64 =
    unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int, c_int, off64_t) -> *mut c_void;

const _: [unsafe extern "C" fn(key_t, size_t, c_int) -> c_int; 3] =
    [sysv::shmget, sysv::partage_shmget, libc::shmget];
const _: [unsafe extern "C" fn(c_int, *const c_void, c_int) -> *mut c_void; 3] =
    [sysv::shmat, sysv::partage_shmat, libc::shmat];
const _: [unsafe extern "C" fn(*const c_void) -> c_int; 3] =
    [sysv::shmdt, sysv::partage_shmdt, libc::shmdt];
const _: [unsafe extern "C" fn(c_int, c_int, *mut shmid_ds) -> c_int; 3] =
    [sysv::shmctl, sysv::partage_shmctl, libc::shmctl];
const _: [unsafe extern "C" fn(*const c_char, c_int, mode_t) -> c_int; 3] =
    [posix::shm_open, posix::partage_shm_open, libc::shm_open];
const _: [unsafe extern "C" fn(*const c_char) -> c_int; 3] = [
    posix::shm_unlink,
    posix::partage_shm_unlink,
    libc::shm_unlink,
];
const _: [unsafe extern "C" fn(c_int) -> c_int; 2] = [posix::partage_close, libc::close];
const _: [Mmap; 3] = [mapping::mmap, mapping::partage_mmap, libc::mmap];
const _: [Mmap64; 3] = [mapping::mmap64, mapping::partage_mmap64, libc::mmap64];
const _: [unsafe extern "C" fn(*mut c_void, size_t) -> c_int; 3] =
    [mapping::munmap, mapping::partage_munmap, libc::munmap];
