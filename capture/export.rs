//! The functions that the object stands in for.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::objects;

/// A function of the C library that the object stands in for.
pub(crate) struct Export {
    pub(super) name: &'static [u8],
    pub(super) ours: *const (),
    /// Its next definition, 0 until it was asked for.
    next: AtomicUsize,
}

// SAFETY: the address of a function is the same in all threads.
unsafe impl Sync for Export {}

impl Export {
    /// The function `name`, for which the one at `ours` stands in.
    pub(crate) const fn new(name: &'static str, ours: *const ()) -> Self {
        Export {
            name: name.as_bytes(),
            ours,
            next: AtomicUsize::new(0),
        }
    }

    /// The function that would be called if the object were not there; 0 if there is none.
    pub(super) fn next(&self) -> usize {
        let known = self.next.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let found = objects::next_definition(self.name);
        self.next.store(found, Ordering::Relaxed);
        found
    }
}

/// The entry points, which are looked up by handle as well.
pub(super) type Entries = [Export; 5];

/// The entry points of these addresses.
pub(super) const fn entries(
    dlopen: *const (),
    dlmopen: *const (),
    dlsym: *const (),
    dlvsym: *const (),
    syscall: *const (),
) -> Entries {
    [
        Export::new("dlopen", dlopen),
        Export::new("dlmopen", dlmopen),
        Export::new("dlsym", dlsym),
        Export::new("dlvsym", dlvsym),
        Export::new("syscall", syscall),
    ]
}
