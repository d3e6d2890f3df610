//! System calls, made directly: nothing here passes through libc, so nothing here meets our own exports, locks,
//! allocates, is a cancellation point or touches errno.

use core::arch::asm;
use core::ffi::{CStr, c_int};
use core::sync::atomic::AtomicU64;

/// An errno value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) c_int);

/// Largest errno value that the kernel returns.
const MAX_ERRNO: usize = 4095;

/// One system call with up to six arguments; the raw result, errors as small negative numbers.
///
/// # Safety
/// As the system call demands.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) unsafe fn syscall(number: libc::c_long, args: [usize; 6]) -> usize {
    let result;
    let [a, b, c, d, e, f] = args;
    // SAFETY: the register use of the x86-64 system call ABI; the rest is the caller's promise.
    unsafe {
        asm!("syscall", inlateout("rax") number as usize => result, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// One system call with up to six arguments; the raw result, errors as small negative numbers.
///
/// # Safety
/// As the system call demands.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) unsafe fn syscall(number: libc::c_long, args: [usize; 6]) -> usize {
    let result;
    let [a, b, c, d, e, f] = args;
    // SAFETY: the register use of the aarch64 system call ABI; the rest is the caller's promise.
    unsafe {
        asm!("svc 0", in("x8") number as usize, inlateout("x0") a => result, in("x1") b, in("x2") c,
            in("x3") d, in("x4") e, in("x5") f, options(nostack));
    }
    result
}

/// Splits a raw result into value and error.
pub(crate) fn check(result: usize) -> Result<usize, Errno> {
    let error = result.wrapping_neg();
    if (1..=MAX_ERRNO).contains(&error) {
        Err(Errno(error as c_int))
    } else {
        Ok(result)
    }
}

macro_rules! call {
    ($number:ident $(, $arg:expr)*) => {{
        let mut args = [0usize; 6];
        let given = [$($arg as usize),*];
        for (to, from) in args.iter_mut().zip(given) { *to = from; }
        $crate::sys::check($crate::sys::syscall(libc::$number, args))
    }};
}

pub(crate) use call;

/// A descriptor that is closed when dropped. None outlives the function that opened it.
pub(crate) struct Fd(c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours alone.
        let _ = unsafe { call!(SYS_close, self.0) };
    }
}

/// openat(2) from the working directory, always close-on-exec.
pub(crate) fn open(path: &CStr, flags: c_int, mode: libc::mode_t) -> Result<Fd, Errno> {
    // SAFETY: the path is NUL-terminated; a new descriptor endangers no memory.
    let fd = unsafe {
        call!(
            SYS_openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags | libc::O_CLOEXEC,
            mode
        )
    };
    fd.map(|fd| Fd(fd as c_int))
}

/// pipe2(2): what is to be read, and what is written and never waited for.
pub(crate) fn pipe() -> Result<(Fd, Fd), Errno> {
    let mut ends: [c_int; 2] = [-1; 2];
    // SAFETY: room for two descriptors.
    unsafe {
        call!(
            SYS_pipe2,
            ends.as_mut_ptr(),
            libc::O_CLOEXEC | libc::O_NONBLOCK
        )
    }?;
    let [from, to] = ends;
    Ok((Fd(from), Fd(to)))
}

/// A file in memory that nobody can write anything into.
pub(crate) fn empty_file() -> Result<Fd, Errno> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is NUL-terminated.
    let fd =
        unsafe { call!(SYS_memfd_create, c"empty".as_ptr(), flags) }.map(|fd| Fd(fd as c_int))?;
    let seals = libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: no memory is passed.
    unsafe { call!(SYS_fcntl, fd.0, libc::F_ADD_SEALS, seals) }?;
    Ok(fd)
}

impl Fd {
    /// ftruncate(2).
    pub(crate) fn truncate(&self, len: usize) -> Result<(), Errno> {
        // SAFETY: no memory is passed; the file is the recorder's own.
        unsafe { call!(SYS_ftruncate, self.0, len) }.map(drop)
    }

    /// The file's length.
    pub(crate) fn length(&self) -> Result<usize, Errno> {
        stat_fd(self.0).map(|stat| stat.st_size as usize)
    }

    /// Whether this is a file of a tmpfs, by fstatfs(2).
    pub(crate) fn is_in_memory(&self) -> bool {
        // SAFETY: all zeros is a valid statfs.
        let mut system: libc::statfs = unsafe { core::mem::zeroed() };
        // SAFETY: it is writable and of the kernel's layout on 64-bit Linux.
        let asked = unsafe { call!(SYS_fstatfs, self.0, &raw mut system) };
        asked.is_ok() && system.f_type == libc::TMPFS_MAGIC
    }

    /// Writes up to `len` zeros at the end of a file that is opened to append, and at most `PIECES * PIECE`: where they
    /// end. On a disk that is nearly full they may be fewer.
    pub(crate) fn append_zeros(&self, len: usize) -> Result<usize, Errno> {
        const PIECE: usize = 64 << 10;
        const PIECES: usize = 16;
        static ZEROS: [AtomicU64; PIECE / 8] = [const { AtomicU64::new(0) }; PIECE / 8];
        let mut left = len;
        let pieces: [libc::iovec; PIECES] = core::array::from_fn(|_| {
            let piece = left.min(PIECE);
            left -= piece;
            libc::iovec {
                iov_base: (&raw const ZEROS).cast_mut().cast(),
                iov_len: piece,
            }
        });
        // SAFETY: each piece lies in ZEROS, which is only read.
        unsafe {
            call!(SYS_writev, self.0, pieces.as_ptr(), PIECES)?;
            call!(SYS_lseek, self.0, 0, libc::SEEK_CUR)
        }
    }

    /// Maps `len` bytes at `offset`, shared and writable.
    pub(crate) fn map(&self, offset: usize, len: usize) -> Result<*mut u8, Errno> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        unsafe { call!(SYS_mmap, 0, len, prot, libc::MAP_SHARED, self.0, offset) }
            .map(|at| at as *mut u8)
    }

    /// read(2).
    pub(crate) fn read(&self, buf: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the buffer is writable for its length.
        unsafe { call!(SYS_read, self.0, buf.as_mut_ptr(), buf.len()) }
    }

    /// getdents64(2).
    pub(crate) fn entries(&self, buf: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the buffer is writable for its length.
        unsafe { call!(SYS_getdents64, self.0, buf.as_mut_ptr(), buf.len()) }
    }

    /// The number.
    pub(crate) fn number(&self) -> c_int {
        self.0
    }
}

/// Private anonymous memory.
pub(crate) fn map_anonymous(len: usize) -> Result<*mut u8, Errno> {
    let (prot, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
    unsafe { call!(SYS_mmap, 0, len, prot, flags, -1isize, 0) }.map(|at| at as *mut u8)
}

/// munmap(2).
///
/// # Safety
/// Nobody uses the range any more.
pub(crate) unsafe fn unmap(at: *mut u8, len: usize) {
    // SAFETY: the caller's promise.
    let _ = unsafe { call!(SYS_munmap, at, len) };
}

/// madvise(2).
///
/// # Safety
/// The advice does not destroy what someone still reads.
pub(crate) unsafe fn advise(at: *mut u8, len: usize, advice: c_int) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    unsafe { call!(SYS_madvise, at, len, advice) }.map(drop)
}

/// readlinkat(2) from the working directory: the part of `buf` that was filled.
pub(crate) fn read_link<'b>(path: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    // SAFETY: the path is NUL-terminated, the buffer writable for its length.
    let len = unsafe {
        call!(
            SYS_readlinkat,
            libc::AT_FDCWD,
            path.as_ptr(),
            buf.as_mut_ptr(),
            buf.len()
        )
    }?;
    buf.get(..len).ok_or(Errno(libc::ERANGE))
}

/// fstat(2) of a descriptor of the program.
pub(crate) fn stat_fd(fd: c_int) -> Result<libc::stat, Errno> {
    // SAFETY: all zeros is a valid stat.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: stat is writable and of the kernel's layout on 64-bit Linux.
    unsafe { call!(SYS_fstat, fd, &raw mut stat) }.map(|_| stat)
}

/// newfstatat(2).
pub(crate) fn stat_at(directory: c_int, path: &CStr) -> Result<libc::stat, Errno> {
    // SAFETY: all zeros is a valid stat.
    let mut stat: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: the path is NUL-terminated; stat is writable and of the kernel's layout on 64-bit Linux.
    unsafe { call!(SYS_newfstatat, directory, path.as_ptr(), &raw mut stat, 0) }.map(|_| stat)
}

/// Whether this process may execute the file, by faccessat(2).
pub(crate) fn is_executable(path: &CStr) -> bool {
    // SAFETY: the path is NUL-terminated.
    unsafe { call!(SYS_faccessat, libc::AT_FDCWD, path.as_ptr(), libc::X_OK) }.is_ok()
}

/// getpid(2).
pub(crate) fn pid() -> u32 {
    // SAFETY: no memory is passed; it cannot fail.
    unsafe { syscall(libc::SYS_getpid, [0; 6]) as u32 }
}

/// getppid(2).
pub(crate) fn parent_pid() -> u32 {
    // SAFETY: no memory is passed; it cannot fail.
    unsafe { syscall(libc::SYS_getppid, [0; 6]) as u32 }
}

/// gettid(2).
pub(crate) fn tid() -> u32 {
    // SAFETY: no memory is passed; it cannot fail.
    unsafe { syscall(libc::SYS_gettid, [0; 6]) as u32 }
}

/// getuid(2).
pub(crate) fn uid() -> u32 {
    // SAFETY: no memory is passed; it cannot fail.
    unsafe { syscall(libc::SYS_getuid, [0; 6]) as u32 }
}

/// sched_yield(2).
pub(crate) fn yield_now() {
    // SAFETY: no memory is passed.
    unsafe { syscall(libc::SYS_sched_yield, [0; 6]) };
}

/// Largest file the process may write, in bytes (`RLIMIT_FSIZE`); to go beyond would raise SIGXFSZ.
pub(crate) fn file_size_limit() -> usize {
    let mut limit = [usize::MAX; 2];
    // SAFETY: struct rlimit64 is two 64-bit words.
    let done = unsafe { call!(SYS_prlimit64, 0, libc::RLIMIT_FSIZE, 0, limit.as_mut_ptr()) };
    let [soft, _] = limit;
    if done.is_ok() { soft } else { usize::MAX }
}

/// Copies memory of this process that may not be mapped; how much could be copied.
pub(crate) fn read_memory(address: usize, buf: &mut [u8]) -> Result<usize, Errno> {
    let local = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    let remote = libc::iovec {
        iov_base: address as *mut _,
        iov_len: buf.len(),
    };
    // SAFETY: the kernel checks the remote side; the local side is writable for its length.
    unsafe {
        call!(
            SYS_process_vm_readv,
            pid(),
            &raw const local,
            1,
            &raw const remote,
            1,
            0
        )
    }
}

/// Reads a whole small file of `/proc` into `buf`; what fitted.
pub(crate) fn read_proc<'b>(path: &CStr, buf: &'b mut [u8]) -> &'b [u8] {
    let mut filled = 0;
    if let Ok(fd) = open(path, libc::O_RDONLY as c_int, 0) {
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match fd.read(rest) {
                Ok(count) if count > 0 => filled += count,
                _ => break,
            }
        }
    }
    buf.get(..filled).unwrap_or(&[])
}
