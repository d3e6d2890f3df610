//! The functions that the object stands in for.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::objects;

/// A function of the C library that the object stands in for.
pub struct Export {
    pub(crate) name: &'static [u8],
    pub(crate) ours: *const (),
    /// Its next definition, 0 until it was asked for.
    next: AtomicUsize,
}

// SAFETY: the address of a function is the same in all threads.
unsafe impl Sync for Export {}

impl Export {
    /// The function `name`, for which the one at `ours` stands in.
    #[must_use]
    pub const fn new(name: &'static str, ours: *const ()) -> Self {
        Export {
            name: name.as_bytes(),
            ours,
            next: AtomicUsize::new(0),
        }
    }

    /// The function that would be called if the object were not there; 0 if there is none.
    pub(crate) fn next(&self) -> usize {
        let known = self.next.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let found = objects::next_definition(self.name);
        self.next.store(found, Ordering::Relaxed);
        found
    }
}

/// What an object stands in for.
pub struct Captured {
    exports: &'static [Export],
    /// The entry points, which are looked up by handle as well.
    entries: [Export; 5],
}

impl Captured {
    /// The functions of `exports`, and the entry points at these addresses.
    #[must_use]
    pub const fn new(
        exports: &'static [Export],
        dlopen: *const (),
        dlmopen: *const (),
        dlsym: *const (),
        dlvsym: *const (),
        syscall: *const (),
    ) -> Self {
        let entries = [
            Export::new("dlopen", dlopen),
            Export::new("dlmopen", dlmopen),
            Export::new("dlsym", dlsym),
            Export::new("dlvsym", dlvsym),
            Export::new("syscall", syscall),
        ];
        Captured { exports, entries }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Export> {
        self.exports.iter().chain(&self.entries)
    }
}
