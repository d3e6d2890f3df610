//! One system call, by the instruction of the architecture: no errno, no cancellation point, no symbol that
//! another library could have replaced. Tested by `tests/tests/architectures.rs`.

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod instruction;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
#[path = "fallback.rs"]
mod instruction;
#[cfg(target_arch = "riscv64")]
#[path = "riscv64.rs"]
mod instruction;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod instruction;

use crate::error::{Errno, Result};

/// Makes one system call; a result in -4095..=-1 is an error, all else a value.
///
/// # Safety
/// The call must be sound with these arguments: pointers as its man page asks, no memory in use unmapped.
#[inline(always)]
pub unsafe fn raw(nr: libc::c_long, args: [usize; 6]) -> Result<usize> {
    // SAFETY: passed on to the caller.
    let value = unsafe { instruction::call6(nr as usize, args) };
    if value > -4096isize as usize {
        Err(Errno(-(value as isize) as i32))
    } else {
        Ok(value)
    }
}

/// `raw` with as many arguments as the call has.
macro_rules! syscall {
    ($nr:expr $(, $arg:expr)* $(,)?) => {
        $crate::os::arch::raw($nr, $crate::os::arch::pad([$($arg as usize),*]))
    };
}
pub(crate) use syscall;

/// The arguments, filled up to six with zeroes.
#[inline(always)]
pub(crate) const fn pad<const N: usize>(args: [usize; N]) -> [usize; 6] {
    let mut all = [0; 6];
    let mut i = 0;
    while i < N && i < 6 {
        all[i] = args[i];
        i += 1;
    }
    all
}
