//! What a recorded call returned, and errno.

use partage_trace_format::record::flag;

/// What a call returned.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    result: i64,
    errno: i32,
    flags: u16,
}

impl Outcome {
    /// Of what was found out, which returned nothing.
    pub(crate) const NONE: Outcome = Outcome {
        result: 0,
        errno: 0,
        flags: 0,
    };

    /// Of a function that returns an `int`, -1 for an error in errno.
    #[inline(always)]
    pub(crate) fn int(result: usize) -> Self {
        Self::signed(i64::from(result as i32))
    }

    /// Of a function that returns an address, -1 for an error in errno.
    #[inline(always)]
    pub(crate) fn pointer(result: usize) -> Self {
        Self::signed(result as i64)
    }

    #[inline(always)]
    fn signed(result: i64) -> Self {
        Outcome {
            result,
            errno: if result == -1 { errno() } else { 0 },
            flags: 0,
        }
    }

    /// Of a function that returns an address, null for an error in errno.
    pub(crate) fn nullable(result: usize) -> Self {
        Self::pointer(if result == 0 { usize::MAX } else { result })
    }

    /// Of a function that returns 0 or its error.
    pub(crate) fn code(result: usize) -> Self {
        Outcome {
            result: i64::from(result as i32),
            errno: result as i32,
            flags: 0,
        }
    }

    /// Of a call that may not return; `flags` beside that.
    pub(crate) fn entered(flags: u16) -> Self {
        Outcome {
            result: 0,
            errno: 0,
            flags: flag::ENTERED | flags,
        }
    }

    /// The same with more flags.
    pub(crate) fn with_flags(self, flags: u16) -> Self {
        Outcome {
            flags: self.flags | flags,
            ..self
        }
    }

    /// The same with the descriptor behind the result; of a failed call, unchanged.
    pub(crate) fn with_result(self, fd: i32) -> Self {
        let result = if self.succeeded() {
            i64::from(fd)
        } else {
            self.result
        };
        Outcome { result, ..self }
    }

    /// Whether the call succeeded.
    #[inline(always)]
    pub(crate) fn succeeded(&self) -> bool {
        self.errno == 0
    }

    /// As in the record, -1 for a failed call.
    #[inline(always)]
    pub(crate) fn result(&self) -> i64 {
        self.result
    }

    /// Flags of the record.
    #[inline(always)]
    pub(crate) fn flags(&self) -> u16 {
        self.flags
    }

    /// errno of a failed call, or 0.
    #[inline(always)]
    pub(crate) fn errno(&self) -> i32 {
        self.errno
    }
}

/// errno of this thread.
pub(crate) fn errno() -> i32 {
    // SAFETY: errno's address is valid in every thread.
    unsafe { *libc::errno::location() }
}
