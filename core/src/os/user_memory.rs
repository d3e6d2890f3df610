//! Whether a caller's memory can be read or written: the kernel is asked, instead of running into a fault.
//!
//! `rt_sigprocmask` copies eight bytes from its argument and answers `EFAULT` where it cannot; with a bad `how` it changes
//! nothing. `clock_getres` writes two words. Both are allowed in every sandbox.

use super::arch::syscall;
use super::environment;
use super::memory::page_size;
use crate::error::{Errno, Result};

const WORD: usize = 8;
/// `struct timespec`.
const RESOLUTION: usize = size_of::<usize>() * 2;

/// The main thread's stack lies within this distance below its end: the kernel keeps at least 128 MiB clear of
/// other mappings there.
const MAIN_STACK: usize = 64 << 20;

/// Succeeds when `len` bytes (at least eight) at `address` can be read.
///
/// # Errors
/// - `EFAULT` some byte is not readable
pub fn readable(address: usize, len: usize) -> Result<()> {
    each_page(address, len, WORD, |word| {
        const NO_SUCH_OPERATION: usize = usize::MAX;
        // SAFETY: the call reads eight bytes or answers EFAULT; its operation is unknown, so it changes nothing.
        match unsafe {
            syscall!(
                libc::SYS_rt_sigprocmask,
                NO_SUCH_OPERATION,
                word,
                0usize,
                WORD
            )
        } {
            Err(Errno::EFAULT) => Err(Errno::EFAULT),
            _ => Ok(()),
        }
    })
}

/// Succeeds when `len` bytes (at least sixteen) at `address` can be written; bytes of the range may be overwritten.
///
/// # Errors
/// - `EFAULT` some byte is not writable
pub fn writable(address: usize, len: usize) -> Result<()> {
    if on_own_stack(address, len) {
        return Ok(());
    }
    each_page(address, len, RESOLUTION, |place| {
        // SAFETY: the call writes a clock's resolution to bytes that the caller gave us to fill, or answers EFAULT.
        unsafe { syscall!(libc::SYS_clock_getres, libc::CLOCK_REALTIME, place) }.map(drop)
    })
}

/// Calls `probe` with the address of one word in the first page of the range and one in the last. Callers pass
/// structures, which are smaller than a page.
fn each_page(
    address: usize,
    len: usize,
    width: usize,
    probe: impl Fn(usize) -> Result<()>,
) -> Result<()> {
    let last = address
        .checked_add(len)
        .and_then(|end| end.checked_sub(width))
        .ok_or(Errno::EFAULT)?;
    probe(last)?;
    if (last + width - 1) / page_size() != address / page_size() {
        probe(address)
    } else {
        Ok(())
    }
}

/// A range above this frame that is certainly stack needs no question: the page of this frame, and on the main thread
/// all up to the strings that the kernel put at the end of the stack.
fn on_own_stack(address: usize, len: usize) -> bool {
    let here = 0u8;
    let frame = (&raw const here) as usize;
    let Some(end) = address.checked_add(len) else {
        return false;
    };
    if address < frame {
        return false;
    }
    let page_end = (frame | (page_size() - 1)).wrapping_add(1);
    let stack_end = environment::stack_end();
    end <= page_end || (frame < stack_end && stack_end - frame < MAIN_STACK && end <= stack_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_is_fine() {
        let heap = std::vec![0u8; 4096];
        assert_eq!(readable(heap.as_ptr() as usize, 112), Ok(()));
        assert_eq!(writable(heap.as_ptr() as usize, 112), Ok(()));
        let stack = [0u8; 112];
        assert_eq!(writable(stack.as_ptr() as usize, 112), Ok(()));
    }

    #[test]
    fn bad_addresses_answer_efault() {
        for bad in [0usize, 8, usize::MAX, usize::MAX - 50, 1 << 63] {
            assert_eq!(readable(bad, 112), Err(Errno::EFAULT));
            assert_eq!(writable(bad, 112), Err(Errno::EFAULT));
        }
    }

    #[test]
    fn constants_are_readable_only() {
        static WORDS: [u64; 14] = [7; 14];
        let address = WORDS.as_ptr() as usize;
        assert_eq!(readable(address, 112), Ok(()));
        assert_eq!(writable(address, 112), Err(Errno::EFAULT));
    }
}
