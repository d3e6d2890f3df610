//! What `partage check` found out.

use crate::name;
use serde::Serialize;
use std::path::PathBuf;

/// How partage comes into a program.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "way", content = "file", rename_all = "lowercase")]
pub(super) enum Way {
    /// The archive is part of the program.
    Archive,
    /// The program, or a library of it, names the shared library.
    Linked(#[serde(serialize_with = "name::path")] PathBuf),
    /// The dynamic linker was told to load it first.
    Preloaded(#[serde(serialize_with = "name::path")] PathBuf),
}

/// A way, and the version of what came by it.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    #[serde(flatten)]
    pub(super) way: Way,
    pub(super) version: String,
}

/// What was found out.
#[derive(Serialize)]
pub(super) struct Answer {
    /// `./server` or `process 4711 (server)`.
    pub(super) subject: String,
    /// The process that was looked at, if it was one.
    pub(super) pid: Option<i32>,
    pub(super) found: Option<Found>,
    /// What is worth knowing besides.
    pub(super) remarks: Vec<String>,
}
