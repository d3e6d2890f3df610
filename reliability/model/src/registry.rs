//! The files of the core that are checked.

#[path = "../../../core/src/registry/format.rs"]
pub(crate) mod format;
#[path = "../../../core/src/registry/holdings.rs"]
pub(crate) mod holdings;
#[path = "../../../core/src/registry/word.rs"]
pub(crate) mod word;
