//! Atomics in the place of the core's: those that a model is about are watched by the checker, all others are plain.

use crate::life;

pub use loom::sync::atomic::Ordering;

macro_rules! atomic {
    ($name:ident, $value:ty) => {
        /// An atomic that the checker watches, or one that it does not.
        #[derive(Debug)]
        pub struct $name {
            watched: Option<loom::sync::atomic::$name>,
            /// The newest value, whatever a thread may still read.
            newest: std::sync::atomic::$name,
        }

        impl $name {
            pub(crate) fn watched(value: $value) -> Self {
                Self {
                    watched: Some(loom::sync::atomic::$name::new(value)),
                    newest: std::sync::atomic::$name::new(value),
                }
            }

            pub(crate) fn plain(value: $value) -> Self {
                Self {
                    watched: None,
                    newest: std::sync::atomic::$name::new(value),
                }
            }

            pub(crate) fn newest(&self) -> $value {
                self.newest.load(Ordering::SeqCst)
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                let Some(atomic) = &self.watched else {
                    return self.newest();
                };
                // Who is dead reads zeroes, of which every loop comes to an end, and writes nothing.
                if life::is_over() {
                    0
                } else {
                    atomic.load(order)
                }
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                if let Some(atomic) = &self.watched {
                    if life::is_over() {
                        return;
                    }
                    atomic.store(value, order);
                }
                self.newest.store(value, Ordering::SeqCst);
                life::look();
            }

            pub(crate) fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
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
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
