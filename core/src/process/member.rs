//! This process in its namespace: reading, joining, and sweeping what others left. Tested by the C suite.

use super::enter::enter;
use super::own::{self, Member, current_token};
use super::registry::REGISTRY;
use crate::error::{Errno, Result};
use crate::registry::{Registry, Segment};

/// The namespace's registry, opened at the first call.
///
/// # Errors
/// - `ENOSYS` there is no usable namespace: the log says why
/// - `ENOSPC` there is no room for one
/// - `EMFILE`, `ENFILE`, `ENOMEM` not available now
pub(crate) fn registry() -> Result<&'static Registry> {
    enter().map_err(as_namespace)?;
    if !REGISTRY.is_open() {
        open_registry()?;
    }
    if REGISTRY.limits().rmid_forced {
        // Segments of dead creators must not be found.
        REGISTRY.sweep_all(current_token());
    }
    Ok(&REGISTRY)
}

#[cold]
#[inline(never)]
fn open_registry() -> Result<()> {
    REGISTRY.open().map_err(as_namespace)
}

/// The errno for a caller if the namespace cannot be used: not `EACCES` or `EROFS`, which would speak of a segment.
fn as_namespace(error: Errno) -> Errno {
    match error {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOSPC => error,
        Errno::EDQUOT => Errno::ENOSPC,
        // Over the limit of locked memory.
        Errno::EAGAIN => Errno::ENOMEM,
        _ => Errno::ENOSYS,
    }
}

/// This process as a member of the namespace, which it becomes at the first call that changes something.
///
/// # Errors
/// - as [`registry`]
pub(crate) fn member() -> Result<Member> {
    let registry = registry()?;
    own::join(registry).map_err(as_namespace)
}

/// The segment with this id, removed or not. If there is none, the namespace is swept: a segment that is gone may have
/// left a file that only this process has the right to remove.
///
/// # Errors
/// - `EINVAL` there is none
pub(crate) fn find_id(registry: &'static Registry, shmid: u32) -> Result<Segment> {
    registry.find_id(shmid).inspect_err(|_| sweep(registry))
}

/// Sweeps a part of the namespace.
#[cold]
#[inline(never)]
pub(crate) fn sweep(registry: &'static Registry) {
    registry.sweep(current_token(), crate::registry::MAX_SEGMENTS);
}

/// Sweeps all of the namespace.
///
/// # Errors
/// As [`member`].
pub(crate) fn sweep_all() -> Result<()> {
    let member = member()?;
    member.registry.sweep_all(Some(member.token));
    Ok(())
}

/// Repairs damage, as far as the right values can be known.
///
/// # Errors
/// As [`member`].
pub(crate) fn repair() -> Result<()> {
    let member = member()?;
    // Before the sweep, since it would destroy a segment whose total is too low. And after it, since two slots may have
    // the same damaged holdings.
    member.registry.repair()?;
    member.registry.sweep_all(Some(member.token));
    member.registry.repair()
}
