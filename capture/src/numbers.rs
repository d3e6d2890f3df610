//! The system calls that the object answers.

/// System calls below this number can be answered.
pub const NUMBERS: usize = 512;

/// A set of system calls, by number: one bit each.
#[repr(transparent)]
pub struct Numbers(#[allow(dead_code, reason = "read in assembly")] [u64; NUMBERS / 64]);

impl Numbers {
    /// These calls. One that is too high does not compile.
    #[must_use]
    pub const fn new(calls: &[libc::c_long]) -> Self {
        let mut words = [0; NUMBERS / 64];
        let mut index = 0;
        while index < calls.len() {
            #[allow(clippy::indexing_slicing, reason = "computed when compiled")]
            let number = calls[index] as usize;
            #[allow(clippy::indexing_slicing, reason = "computed when compiled")]
            {
                words[number / 64] |= 1 << (number % 64);
            }
            index += 1;
        }
        Numbers(words)
    }
}

/// What `by_number` gets: the number and the six arguments of the call, then where it was made.
pub type ByNumber = unsafe extern "C" fn(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
    return_address: usize,
    frame_pointer: usize,
) -> usize;
