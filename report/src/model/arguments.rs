//! What calls are given: flags, names, sizes.

use super::object::ObjectId;
use super::{Model, Scene};

const PAGE: u64 = 4096;

/// `IPC_CREAT`, `IPC_EXCL` and `SHM_REMAP`.
pub(crate) const IPC_CREAT: i32 = 0o1000;
pub(crate) const IPC_EXCL: i32 = 0o2000;
pub(crate) const SHM_REMAP: i32 = 0o40000;
/// `O_CREAT`, `O_EXCL`, `O_TRUNC`, `O_CLOEXEC`.
pub(crate) const O_CREAT: i32 = 0o100;
pub(crate) const O_EXCL: i32 = 0o200;
pub(crate) const O_TRUNC: i32 = 0o1000;
pub(crate) const O_CLOEXEC: i32 = 0o2000000;

/// Whole pages.
pub(super) fn pages(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(PAGE).unwrap_or(bytes)
}

/// The name that the scene's call was given.
pub(super) fn text(scene: &Scene<'_>) -> String {
    crate::words::text(scene.event.name.as_deref().unwrap_or(&[]))
}

/// The object of a hold.
pub(super) fn object_of(model: &Model, hold: usize) -> Option<ObjectId> {
    model.holds.get(hold).map(|hold| hold.object)
}
