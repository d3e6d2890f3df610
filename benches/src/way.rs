//! The ways to shared memory that are compared.

use crate::segment::Api;

/// Whose shared memory it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The kernel's System V calls.
    Kernel,
    /// The same, by a preloaded libpartage.so.
    Partage,
    /// shm_open(3) and mmap(2).
    ByHand,
    /// A memory file whose descriptor its creator hands out over a socket, as the Android libraries do.
    Handed,
}

impl Way {
    /// All, in the order of a table's columns.
    pub const ALL: [Way; 4] = [Way::Kernel, Way::Partage, Way::ByHand, Way::Handed];

    /// The calls that a worker makes.
    #[must_use]
    pub fn api(self) -> Api {
        match self {
            Way::Kernel | Way::Partage => Api::SystemV,
            Way::ByHand => Api::ByHand,
            Way::Handed => Api::Handed,
        }
    }
}
