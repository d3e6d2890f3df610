//! Atomics in the place of the core's: those that a model is about are watched by the checker, all others are plain.

use crate::life;
use partage_core::registry::holdings::Atomic;
use std::sync::atomic::Ordering;

/// An atomic that the checker watches, or one that it does not.
#[derive(Debug)]
pub struct AtomicU64 {
    watched: Option<loom::sync::atomic::AtomicU64>,
    /// The newest value, whatever a thread may still read.
    newest: std::sync::atomic::AtomicU64,
}

impl AtomicU64 {
    pub(crate) fn watched(value: u64) -> Self {
        Self {
            watched: Some(loom::sync::atomic::AtomicU64::new(value)),
            newest: std::sync::atomic::AtomicU64::new(value),
        }
    }

    pub(crate) fn plain(value: u64) -> Self {
        Self {
            watched: None,
            newest: std::sync::atomic::AtomicU64::new(value),
        }
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        if let Some(atomic) = &self.watched {
            if life::is_over() {
                return;
            }
            atomic.store(value, order);
        }
        self.newest.store(value, Ordering::SeqCst);
        life::look();
    }
}

impl Atomic for AtomicU64 {
    const TRIES: u32 = 8;

    fn load(&self, order: Ordering) -> u64 {
        let Some(atomic) = &self.watched else {
            return self.newest();
        };
        // A dead process reads zeroes, with which every loop ends, and writes nothing.
        if life::is_over() {
            0
        } else {
            atomic.load(order)
        }
    }

    fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let Some(atomic) = &self.watched else {
            return self.newest.compare_exchange(old, new, success, failure);
        };
        if life::is_over() {
            return Err(0);
        }
        let swapped = atomic.compare_exchange(old, new, success, failure);
        if swapped.is_ok() {
            self.newest.store(new, Ordering::SeqCst);
            life::look();
        }
        swapped
    }

    fn pause() {
        loom::hint::spin_loop();
    }
}
