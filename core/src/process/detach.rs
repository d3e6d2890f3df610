//! Detaching what one shmat(2) has mapped, all parts that are left of it. Tested by the C suite.

use super::compare::compare;
use super::entry::{self, Mapping};
use super::leaving::Leaving;
use super::overlap::Unmap;
use super::range::Range;
use super::settle;
use super::table::{TABLE, frame};
use crate::error::{Errno, Result};
use crate::os::memory;
use crate::registry::Registry;

/// Gives other threads the time to end what they do to the attachment at `address`: if they cut it, a part stays.
pub(crate) fn wait_for_others(address: usize) {
    Unmap::wait(&[Range::new(address, 1)], None);
}

/// Unmaps the attachment at `address`, all parts that are left of it.
///
/// # Errors
/// - `EINVAL` nothing is attached there
///
/// # Safety
/// The memory is not used any more.
pub(crate) unsafe fn detach(registry: &'static Registry, address: usize) -> Result<()> {
    settle::settle();
    let frame = frame();
    // SAFETY: the caller's promise.
    unsafe {
        if detach_noted(registry, address, frame)?
            || entry::any_may_be_busy() && detach_left(registry, address, frame)?
        {
            return Ok(());
        }
    }
    Err(Errno::EINVAL)
}

/// Of an attachment that a call left half made or half ended, which no thread will finish.
///
/// # Safety
/// As for [`detach`].
#[cold]
#[inline(never)]
unsafe fn detach_left(registry: &'static Registry, address: usize, frame: usize) -> Result<bool> {
    settle::settle_thoroughly(None);
    // SAFETY: the caller's promise.
    if unsafe { detach_noted(registry, address, frame) }? {
        return Ok(true);
    }
    let Some((leaving, mapping)) = settle::take_over_at(address, frame) else {
        return Ok(false);
    };
    // SAFETY: the caller's promise.
    unsafe { unmap(registry, &leaving, &mapping) }?;
    Ok(true)
}

/// Whether an attachment is noted at `address`. It is unmapped.
///
/// # Safety
/// As for [`detach`].
unsafe fn detach_noted(registry: &'static Registry, address: usize, frame: usize) -> Result<bool> {
    let mut first: Option<Mapping> = None;
    // Another thread may attach where the first part was, as soon as that is unmapped: the parts behind it are known by
    // their group.
    while let Some((index, stamp, mapping)) = TABLE.at(address, first.map(|first| first.group)) {
        let end = address.saturating_add(whole(registry, &mapping));
        let overlap = Unmap::begin(frame);
        if first.is_some() && mapping.end() > end {
            break;
        }
        let Some(leaving) = Leaving::claim(index, stamp, frame) else {
            continue;
        };
        let before = TABLE.begin(index);
        // SAFETY: the caller's promise.
        let unmapped = unsafe { unmap(registry, &leaving, &mapping) };
        TABLE.finish(before);
        if overlap.has_met_detaching(Range::of(&mapping)) {
            compare();
        }
        unmapped?;
        if mapping.offset == 0 && mapping.end() >= end && first.is_none() {
            return Ok(true);
        }
        first = Some(mapping);
    }
    Ok(first.is_some())
}

/// Unmaps an attachment that this thread has claimed.
///
/// # Safety
/// As for [`detach`].
unsafe fn unmap(registry: &'static Registry, leaving: &Leaving, mapping: &Mapping) -> Result<()> {
    // SAFETY: the caller's promise; the range is an attachment of ours, which nobody else unmaps.
    let unmapped = unsafe { memory::munmap(mapping.start, mapping.len) };
    match unmapped {
        Ok(()) => leaving.gone(registry),
        Err(_) => leaving.stays(mapping),
    }
    unmapped
}

/// How long the whole segment is, as far as it is known. If part of it was unmapped, other parts may follow.
fn whole(registry: &Registry, mapping: &Mapping) -> usize {
    registry.bytes_of(mapping.shmid).unwrap_or(mapping.len)
}
