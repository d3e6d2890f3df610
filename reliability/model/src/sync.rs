//! Atomics in the place of the core's: most are modelled, some are plain, to keep the number of orders small.

pub use loom::sync::atomic::{Ordering, fence};

/// Of one process, and not modelled.
pub use std::sync::atomic::AtomicBool;

macro_rules! atomic {
    ($name:ident, $value:ty) => {
        /// An atomic that the checker watches, or one that it does not.
        #[derive(Debug)]
        pub enum $name {
            Modelled(loom::sync::atomic::$name),
            Plain(std::sync::atomic::$name),
        }

        impl $name {
            /// What the core makes is modelled.
            pub fn new(value: $value) -> Self {
                Self::modelled(value)
            }

            pub fn modelled(value: $value) -> Self {
                Self::Modelled(loom::sync::atomic::$name::new(value))
            }

            pub fn plain(value: $value) -> Self {
                Self::Plain(std::sync::atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                match self {
                    Self::Modelled(atomic) => atomic.load(order),
                    Self::Plain(atomic) => atomic.load(Ordering::SeqCst),
                }
            }

            pub fn store(&self, value: $value, order: Ordering) {
                match self {
                    Self::Modelled(atomic) => atomic.store(value, order),
                    Self::Plain(atomic) => atomic.store(value, Ordering::SeqCst),
                }
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                match self {
                    Self::Modelled(atomic) => atomic.swap(value, order),
                    Self::Plain(atomic) => atomic.swap(value, Ordering::SeqCst),
                }
            }

            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                match self {
                    Self::Modelled(atomic) => atomic.compare_exchange(old, new, success, failure),
                    Self::Plain(atomic) => atomic.compare_exchange(old, new, success, failure),
                }
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
