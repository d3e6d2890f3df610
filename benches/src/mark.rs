//! The part of a worker that counts: timed, and marked for whoever counts its system calls.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A call of getpriority(2) that no program makes: it asks for this kind of thing, which there is not.
pub(crate) const MARK: i32 = 0x7061_7274;
/// What it names: the beginning and the end of what counts.
pub(crate) const BEGIN: u32 = 1;
pub(crate) const END: u32 = 2;

static IS_TRACED: AtomicBool = AtomicBool::new(false);

/// From now on, what is timed is marked too.
pub fn be_traced() {
    IS_TRACED.store(true, Ordering::Relaxed);
}

/// Whether [`be_traced`] was called.
#[must_use]
pub fn is_traced() -> bool {
    IS_TRACED.load(Ordering::Relaxed)
}

/// How long `operation` takes, `times` over.
///
/// # Errors
/// Its own.
#[inline]
pub fn timed(times: u32, mut operation: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let marked = is_traced();
    if marked {
        mark(BEGIN);
    }
    let start = Instant::now();
    for _ in 0..times {
        operation()?;
    }
    let taken = start.elapsed();
    if marked {
        mark(END);
    }
    Ok(taken)
}

fn mark(what: u32) {
    // SAFETY: the call only answers, with an error.
    unsafe { libc::syscall(libc::SYS_getpriority, MARK, what) };
}
