//! Preloaded by `partage run`: puts our segments in the place of the kernel's table of them.
//!
//! ipcs(1) and lsipc(1) of util-linux read `/proc/sysvipc/shm`, and so do scripts, whatever shmctl(2) says. Under partage
//! shmctl is ours: who opens that table for reading gets one with the segments of the namespace, byte for byte in the
//! kernel's form, in memory of its own. Nothing but that one path is touched.
#![no_std]

mod table;

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};
use partage_runtime as _;

const TABLE: &CStr = c"/proc/sysvipc/shm";

/// A function of the C library, found at the first call.
struct Next {
    name: &'static CStr,
    address: AtomicUsize,
}

impl Next {
    const fn new(name: &'static CStr) -> Next {
        Next {
            name,
            address: AtomicUsize::new(0),
        }
    }

    /// 0 where the C library has no such function.
    fn address(&self) -> usize {
        let mut address = self.address.load(Ordering::Relaxed);
        if address == 0 {
            // SAFETY: the name is a C string.
            address = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) } as usize;
            self.address.store(address, Ordering::Relaxed);
        }
        address
    }
}

type Fopen = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut libc::FILE;
type Open = unsafe extern "C" fn(*const c_char, c_int, c_uint) -> c_int;
type OpenAt = unsafe extern "C" fn(c_int, *const c_char, c_int, c_uint) -> c_int;
type MemfdCreate = unsafe extern "C" fn(*const c_char, c_uint) -> c_int;
type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
type Seek = unsafe extern "C" fn(c_int, libc::off_t, c_int) -> libc::off_t;
type Control = unsafe extern "C" fn(c_int, c_int, c_int) -> c_int;
type Fdopen = unsafe extern "C" fn(c_int, *const c_char) -> *mut libc::FILE;

static MEMFD_CREATE: Next = Next::new(c"memfd_create");
static WRITE: Next = Next::new(c"write");
static LSEEK: Next = Next::new(c"lseek");
static FCNTL: Next = Next::new(c"fcntl");
static FDOPEN: Next = Next::new(c"fdopen");

/// The function, if the C library has it.
macro_rules! function {
    ($next:expr, $kind:ty) => {
        // SAFETY: null, or the C library's function of that name, which has this type. `fcntl` and `open` take what may
        // follow as any other arguments on the processors that there are objects for.
        unsafe { transmute::<usize, Option<$kind>>($next.address()) }
    };
}

fn set_errno(value: i32) {
    // SAFETY: the C library's own place for this thread's errno.
    unsafe { *libc::errno::location() = value };
}

/// # Safety
/// The path is null or a C string.
unsafe fn is_table(path: *const c_char) -> bool {
    // SAFETY: the caller's promise.
    !path.is_null() && unsafe { CStr::from_ptr(path) } == TABLE
}

/// A descriptor of a table of our own, at its start; nobody can write to it. -1 where memory without a name cannot be had.
fn open_table(close_on_exec: bool) -> c_int {
    const SEALING: c_uint = 2;
    let flags = SEALING | c_uint::from(close_on_exec);
    let (Some(create), Some(write), Some(seek), Some(control)) = (
        function!(MEMFD_CREATE, MemfdCreate),
        function!(WRITE, Write),
        function!(LSEEK, Seek),
        function!(FCNTL, Control),
    ) else {
        set_errno(libc::ENOENT);
        return -1;
    };
    // SAFETY: the name is a C string.
    let fd = unsafe { create(c"sysvipc".as_ptr(), flags) };
    if fd < 0 {
        return fd;
    }
    // What the kernel takes of a line in memory it takes whole.
    table::each_line(|line| {
        // SAFETY: the bytes are as many.
        unsafe { write(fd, line.as_ptr().cast(), line.len()) };
    });
    // SAFETY: numbers for a descriptor that was made here.
    unsafe {
        control(
            fd,
            libc::F_ADD_SEALS,
            libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL,
        );
        seek(fd, 0, libc::SEEK_SET);
    }
    fd
}

/// Whether a call is to be answered with our table.
///
/// # Safety
/// The path is null or a C string.
unsafe fn wants_table(path: *const c_char, flags: c_int) -> bool {
    // SAFETY: the caller's promise.
    flags & (libc::O_ACCMODE | libc::O_DIRECTORY) == libc::O_RDONLY && unsafe { is_table(path) }
}

/// # Safety
/// As for open(2).
unsafe fn open_by(next: &Next, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: a path is a C string (caller).
    if unsafe { wants_table(path, flags) } {
        return open_table(flags & libc::O_CLOEXEC != 0);
    }
    match function!(next, Open) {
        // SAFETY: the caller's own promise.
        Some(open) => unsafe { open(path, flags, mode) },
        None => {
            set_errno(libc::ENOSYS);
            -1
        }
    }
}

/// # Safety
/// As for openat(2).
unsafe fn open_at_by(
    next: &Next,
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    // SAFETY: a path is a C string (caller).
    if unsafe { wants_table(path, flags) } {
        return open_table(flags & libc::O_CLOEXEC != 0);
    }
    match function!(next, OpenAt) {
        // SAFETY: the caller's own promise.
        Some(open) => unsafe { open(directory, path, flags, mode) },
        None => {
            set_errno(libc::ENOSYS);
            -1
        }
    }
}

/// # Safety
/// As for fopen(3).
unsafe fn fopen_by(next: &Next, path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    // SAFETY: both are C strings (caller).
    let reads = unsafe { is_table(path) && *mode == b'r' as c_char };
    if reads {
        let fd = open_table(true);
        return match function!(FDOPEN, Fdopen) {
            // SAFETY: a new descriptor, and a C string.
            Some(fdopen) if fd >= 0 => unsafe { fdopen(fd, c"r".as_ptr()) },
            _ => null_mut(),
        };
    }
    match function!(next, Fopen) {
        // SAFETY: the caller's own promise.
        Some(fopen) => unsafe { fopen(path, mode) },
        None => {
            set_errno(libc::ENOSYS);
            null_mut()
        }
    }
}

/// Functions of the C library that open a file by its path, each under its name.
macro_rules! openers {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $by:ident($($given:expr),*);)*) => {$(
        #[doc = concat!(stringify!($name), " of the C library, for which `/proc/sysvipc/shm` has our segments.")]
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> $result {
            static NEXT: Next = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => Next::new(name),
                Err(_) => Next::new(c""),
            };
            // SAFETY: the caller's own promise.
            unsafe { $by(&NEXT, $($given),*) }
        }
    )*};
}

openers! {
    fopen(path: *const c_char, mode: *const c_char) -> *mut libc::FILE = fopen_by(path, mode);
    fopen64(path: *const c_char, mode: *const c_char) -> *mut libc::FILE = fopen_by(path, mode);
    open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int = open_by(path, flags, mode);
    open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int = open_by(path, flags, mode);
    __open_2(path: *const c_char, flags: c_int) -> c_int = open_by(path, flags, 0);
    __open64_2(path: *const c_char, flags: c_int) -> c_int = open_by(path, flags, 0);
    openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int = open_at_by(directory, path, flags, mode);
    openat64(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int = open_at_by(directory, path, flags, mode);
    __openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int = open_at_by(directory, path, flags, 0);
    __openat64_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int = open_at_by(directory, path, flags, 0);
}
