//! shmdt(2): unmap an attachment.

use crate::error::{Errno, Result};
use crate::os::memory::{self, page_size};
use crate::process::attachments::Fragment;
use crate::process::{self, Change, Session};

/// Detaches what [`crate::sysv::attach()`] put at `shmaddr`, all parts that are left of it.
///
/// # Errors
/// - `EINVAL` nothing is attached there
///
/// # Safety
/// The caller must not use the memory any more.
pub unsafe fn detach(shmaddr: usize) -> Result<()> {
    if !shmaddr.is_multiple_of(page_size()) || !process::may_have_attachments() {
        return Err(Errno::EINVAL);
    }
    let mut session = Session::begin()?;
    let first = *session.attachments().at(shmaddr).ok_or(Errno::EINVAL)?;
    if !first.has_siblings {
        // SAFETY: the caller's promise; the range is an attachment of ours, which nobody else unmaps.
        return unsafe { unmap(&mut session, &first) };
    }
    let size = session
        .registry
        .find_id(first.shmid)
        .ok()
        .and_then(|segment| segment.bytes());
    let end = shmaddr.saturating_add(size.unwrap_or(0)).max(first.end());
    // SAFETY: as above.
    unsafe { unmap(&mut session, &first) }?;
    while let Some(next) = sibling_in(&mut session, &first, end) {
        // SAFETY: as above.
        unsafe { unmap(&mut session, &next) }?;
    }
    Ok(())
}

/// Another part of the same attachment, at its place, that ends where the segment does or before.
fn sibling_in(session: &mut Session, first: &Fragment, end: usize) -> Option<Fragment> {
    let parts = session.attachments().overlapping(first.start, end);
    parts
        .iter()
        .rev()
        .find(|part| part.is_sibling(first) && part.base() == first.base() && part.end() <= end)
        .copied()
}

/// # Safety
/// The fragment's memory is not used any more.
unsafe fn unmap(session: &mut Session, fragment: &Fragment) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { memory::unmap(fragment.start, fragment.len) }?;
    session.forget(fragment);
    session.account(fragment, Change::DETACH);
    Ok(())
}
