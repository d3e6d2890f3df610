//! The lock between the threads of this process. Held with all signals blocked, and for as long as a fork takes.

use crate::error::{Errno, Result};
use crate::os::{clock, futex};
use crate::sync::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody sleeps.
const WANTED: u32 = 2;

const SLEEP_MS: u32 = 100;
/// Nobody holds the lock as long as this, unless a child of vfork was killed with it.
const PATIENCE_MS: u64 = 20_000;

pub(super) struct ThreadLock {
    word: AtomicU32,
}

impl ThreadLock {
    pub(super) const fn new() -> ThreadLock {
        ThreadLock {
            word: AtomicU32::new(FREE),
        }
    }

    /// Waits for the lock; `is_stale` is asked now and then whether the holder cannot be in this process.
    ///
    /// # Errors
    /// - `EDEADLK` it did not come free
    pub(super) fn lock(&self, is_stale: impl Fn() -> bool) -> Result<()> {
        if self
            .word
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            return Ok(());
        }
        let start = clock::monotonic_ms();
        while self.word.swap(WANTED, Ordering::Acquire) != FREE {
            if futex::wait(&self.word, WANTED, SLEEP_MS) == Err(Errno::ETIMEDOUT) {
                if is_stale() {
                    self.reset();
                } else if clock::monotonic_ms().saturating_sub(start) > PATIENCE_MS {
                    return Err(Errno::EDEADLK);
                }
            }
        }
        Ok(())
    }

    pub(super) fn unlock(&self) {
        if self.word.swap(FREE, Ordering::Release) == WANTED {
            futex::wake_one(&self.word);
        }
    }

    /// In a child that inherited the lock from a thread that it did not inherit.
    pub(super) fn reset(&self) {
        self.word.store(FREE, Ordering::Release);
    }
}
