//! A lock between processes that survives its owner. The word names the owner's member token; whoever waits asks
//! the kernel whether that member still lives, and takes the lock over when it does not.
//!
//! A member that is stopped while it holds the lock keeps it: then others wait, but not without end.

use super::members::Token;
use crate::error::{Errno, Result};
use crate::os::{clock, futex};
use crate::sync::{AtomicU32, Ordering};

/// Zero when free; else the owner's token, and the top bit when somebody sleeps.
#[repr(transparent)]
pub(crate) struct RobustLock {
    word: AtomicU32,
}

/// How the lock was come by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Acquired {
    /// From an owner that let it go.
    Clean,
    /// From an owner that died with it: what it guards may be half-changed.
    OwnerDied,
}

const SLEEPERS: u32 = 1 << 31;
const SPINS: u32 = if cfg!(loom) { 1 } else { 100 };
const FIRST_SLEEP_MS: u32 = 2;
const LONGEST_SLEEP_MS: u32 = 100;

impl RobustLock {
    #[cfg(any(test, loom))]
    pub(crate) fn new() -> RobustLock {
        RobustLock {
            word: AtomicU32::new(0),
        }
    }

    /// Takes the lock if nobody has it.
    pub(crate) fn try_lock(&self, me: Token) -> bool {
        self.word
            .compare_exchange(0, me.bits(), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the lock if nobody who lives has it. `is_alive` is asked about the owner, if there is one.
    pub(crate) fn try_lock_or_inherit(
        &self,
        me: Token,
        is_alive: impl FnOnce(Token) -> bool,
    ) -> Option<Acquired> {
        match self.word.load(Ordering::Relaxed) {
            0 => self.try_lock(me).then_some(Acquired::Clean),
            word => {
                let is_dead =
                    word & !SLEEPERS != 0 && !is_alive(Token::from_bits(word & !SLEEPERS));
                (is_dead && self.replace(word, me.bits() | word & SLEEPERS))
                    .then_some(Acquired::OwnerDied)
            }
        }
    }

    /// Waits for the lock, at most about `patience` milliseconds. `is_alive` is asked about
    /// the owner when it takes long.
    ///
    /// # Errors
    /// - `EDEADLK` the owner lives, but did not let go in that time
    pub(crate) fn lock(
        &self,
        me: Token,
        patience: u64,
        mut is_alive: impl FnMut(Token) -> bool,
    ) -> Result<Acquired> {
        if self.spin(me) {
            return Ok(Acquired::Clean);
        }
        let start = clock::monotonic_ms();
        let mut sleep = FIRST_SLEEP_MS;
        // The bound holds for a word that somebody keeps changing as well.
        while clock::monotonic_ms().saturating_sub(start) <= patience {
            let word = self.word.load(Ordering::Relaxed);
            if word & !SLEEPERS == 0 {
                // Others may sleep as we did, so the bit stays set: at worst one wake-up too many.
                if self.replace(word, me.bits() | SLEEPERS) {
                    return Ok(Acquired::Clean);
                }
                continue;
            }
            if word & SLEEPERS == 0 && !self.replace(word, word | SLEEPERS) {
                continue;
            }
            if futex::wait(&self.word, word | SLEEPERS, sleep) == Err(Errno::ETIMEDOUT) {
                if !is_alive(Token::from_bits(word & !SLEEPERS))
                    && self.replace(word | SLEEPERS, me.bits() | SLEEPERS)
                {
                    return Ok(Acquired::OwnerDied);
                }
                sleep = (sleep * 2).min(LONGEST_SLEEP_MS);
            }
        }
        Err(Errno::EDEADLK)
    }

    fn spin(&self, me: Token) -> bool {
        for _ in 0..SPINS {
            if self.try_lock(me) {
                return true;
            }
            if self.word.load(Ordering::Relaxed) & SLEEPERS != 0 {
                return false;
            }
            core::hint::spin_loop();
        }
        false
    }

    fn replace(&self, old: u32, new: u32) -> bool {
        self.word
            .compare_exchange(old, new, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Lets go, and wakes one who sleeps. Only the owner may call it.
    pub(crate) fn unlock(&self) {
        if self.word.swap(0, Ordering::Release) & SLEEPERS != 0 {
            futex::wake_one(&self.word);
        }
    }

    /// The owner, if the lock is held.
    pub(crate) fn owner(&self) -> Option<Token> {
        match self.word.load(Ordering::Relaxed) & !SLEEPERS {
            0 => None,
            bits => Some(Token::from_bits(bits)),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    fn token(index: u32) -> Token {
        Token::new(index, 1)
    }

    #[test]
    fn is_taken_over_from_the_dead_only() {
        let lock = RobustLock::new();
        assert!(lock.try_lock(token(1)));
        assert_eq!(
            lock.lock(token(2), 20_000, |owner| owner != token(1)),
            Ok(Acquired::OwnerDied)
        );
        assert_eq!(lock.owner(), Some(token(2)));
        lock.unlock();
        assert_eq!(lock.lock(token(3), 20_000, |_| true), Ok(Acquired::Clean));
    }

    #[test]
    fn excludes_threads() {
        let lock = Arc::new(RobustLock::new());
        let count = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..4u32)
            .map(|index| {
                let (lock, count) = (lock.clone(), count.clone());
                std::thread::spawn(move || {
                    for _ in 0..2000 {
                        assert_eq!(
                            lock.lock(token(index), 20_000, |_| true),
                            Ok(Acquired::Clean)
                        );
                        // A load and a store: an update is lost if two are inside.
                        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                        lock.unlock();
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(count.load(Ordering::Relaxed), 8000);
        assert_eq!(lock.owner(), None);
    }
}
