//! Which backend answers the System V calls: this library, or the kernel by raw system calls. `PARTAGE_BACKEND`
//! chooses. Tested by the C suite, which runs on both.

use crate::error::Result;
use crate::log::{self, Level};
use crate::options::{self, BackendChoice};
use crate::os::arch::syscall;
use crate::os::files::File;
use crate::os::reading;
use crate::sync::{AtomicU32, Ordering};

/// Which backend answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// This library.
    User,
    /// The kernel.
    Kernel,
}

const UNDECIDED: u32 = 0;
const USER: u32 = 1;
const KERNEL: u32 = 2;

/// Decided at the first call, for the life of the process.
pub fn current() -> Backend {
    static CURRENT: AtomicU32 = AtomicU32::new(UNDECIDED);
    match CURRENT.load(Ordering::Relaxed) {
        USER => return Backend::User,
        KERNEL => return Backend::Kernel,
        _ => {}
    }
    let kernel = match options::backend() {
        BackendChoice::User => false,
        BackendChoice::Kernel => true,
        BackendChoice::Auto => kernel_works(),
    };
    CURRENT.store(if kernel { KERNEL } else { USER }, Ordering::Relaxed);
    log::write(Level::Info, |line| {
        line.str("backend: ")
            .str(if kernel { "kernel" } else { "user" })
    });
    if kernel {
        Backend::Kernel
    } else {
        Backend::User
    }
}

/// Whether the kernel's calls are there and allowed. This makes none of them, since a sandbox may kill a process that
/// tries. `/proc` lists the kernel's segments if the kernel has System V shared memory, and also says whether a filter
/// is set for system calls. With a filter the answer is no, because nothing tells what the filter does.
fn kernel_works() -> bool {
    let has_sysv = File::open(c"/proc/sysvipc/shm", libc::O_RDONLY, 0).is_ok();
    has_sysv && is_unfiltered().unwrap_or(false)
}

fn is_unfiltered() -> Result<bool> {
    let mut text = [0u8; 4096];
    let read = reading::read_start(c"/proc/self/status", &mut text)?;
    let line = b"\nSeccomp:\t0\n";
    Ok(text
        .get(..read)
        .is_some_and(|text| text.windows(line.len()).any(|window| window == line)))
}

#[cfg(not(target_arch = "x86"))]
mod number {
    pub(super) use libc::{SYS_shmat, SYS_shmctl, SYS_shmdt, SYS_shmget};
}

/// i386 has numbers of their own for these calls since Linux 5.1.
#[cfg(target_arch = "x86")]
#[allow(non_upper_case_globals, reason = "named as in the libc crate")]
mod number {
    pub(super) const SYS_shmget: libc::c_long = 395;
    pub(super) const SYS_shmctl: libc::c_long = 396;
    pub(super) const SYS_shmat: libc::c_long = 397;
    pub(super) const SYS_shmdt: libc::c_long = 398;
}

/// The kernel's shmget(2).
pub fn kernel_shmget(key: i32, size: usize, shmflg: i32) -> Result<i32> {
    // SAFETY: plain numbers.
    unsafe { syscall!(number::SYS_shmget, key, size, shmflg) }.map(|id| id as i32)
}

/// The kernel's shmat(2).
///
/// # Safety
/// As for [`crate::sysv::attach()`].
pub unsafe fn kernel_shmat(shmid: i32, shmaddr: usize, shmflg: i32) -> Result<usize> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(number::SYS_shmat, shmid, shmaddr, shmflg) }
}

/// The kernel's shmdt(2).
///
/// # Safety
/// As for [`crate::sysv::detach()`].
pub unsafe fn kernel_shmdt(shmaddr: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(number::SYS_shmdt, shmaddr) }.map(drop)
}

/// The kernel's shmctl(2).
///
/// # Safety
/// `buf` is what the command reads or writes; a bad address is answered with `EFAULT`.
pub unsafe fn kernel_shmctl(shmid: i32, cmd: i32, buf: usize) -> Result<i32> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(number::SYS_shmctl, shmid, cmd, buf) }.map(|result| result as i32)
}
