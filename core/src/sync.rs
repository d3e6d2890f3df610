//! The atomics facade: every atomic of the crate comes from here, so that a model checker can take their place.
//! Tested by the models in `reliability/model`.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Atomics of process-private state, which is never modelled.
pub(crate) use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize};

/// The bytes of a segment, which are the programs' own.
pub(crate) use core::sync::atomic::AtomicU8;
