//! What `partage check` found out.

use std::path::PathBuf;

/// How partage comes into a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The archive is part of the program.
    Archive,
    /// The program, or a library of it, names the shared library.
    Linked(PathBuf),
    /// The dynamic linker was told to load it first.
    Preloaded(PathBuf),
}

/// A way, and the version of what came by it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) way: Way,
    pub(super) version: String,
}

/// What was found out.
pub(super) struct Answer {
    /// `./server` or `process 4711 (server)`.
    pub(super) subject: String,
    pub(super) found: Option<Found>,
    /// What is worth knowing besides.
    pub(super) remarks: Vec<String>,
}
