//! The mmap family as programs call it: what happens to an attachment by munmap(2), mmap(2) with `MAP_FIXED` or
//! mremap(2) is a detach, a split or a second mapping, and is counted as the kernel counts it.

use crate::error::{Errno, Result};
use crate::os::memory;
use crate::process::attachments::Fragment;
use crate::process::{self, Change, Session};

const NOREPLACE_BIT: i32 = libc::MAP_FIXED_NOREPLACE & !libc::MAP_FIXED;

/// munmap(2), attachments included.
///
/// # Errors
/// As munmap(2).
///
/// # Safety
/// Nothing in the range is used any more.
pub unsafe fn munmap(address: usize, len: usize) -> Result<()> {
    let Some(mut session) = session_for(address, len) else {
        // SAFETY: the caller's promise.
        return unsafe { memory::unmap(address, len) };
    };
    session.attachments().make_room(1)?;
    // SAFETY: the caller's promise.
    unsafe { memory::unmap(address, len) }?;
    session.drop_range(address, len);
    Ok(())
}

/// mmap(2), over attachments too.
///
/// # Errors
/// As mmap(2).
///
/// # Safety
/// With `MAP_FIXED`, nothing in the range is used any more.
pub unsafe fn mmap(
    address: usize,
    len: usize,
    prot: i32,
    flags: i32,
    fd: i32,
    offset: i64,
) -> Result<usize> {
    let replaces = flags & libc::MAP_FIXED != 0 && flags & NOREPLACE_BIT == 0;
    let Some(mut session) = replaces.then(|| session_for(address, len)).flatten() else {
        // SAFETY: the caller's promise.
        return unsafe { memory::map(address, len, prot, flags, fd, offset) };
    };
    session.attachments().make_room(1)?;
    // SAFETY: the caller's promise.
    let start = unsafe { memory::map(address, len, prot, flags, fd, offset) }?;
    session.drop_range(start, len);
    Ok(start)
}

/// The arguments of mremap(2).
#[derive(Clone, Copy, Debug)]
pub struct RemapRequest {
    /// The mapping.
    pub old_address: usize,
    /// 0 makes a second mapping of a shared one.
    pub old_size: usize,
    /// In bytes.
    pub new_size: usize,
    /// `MREMAP_MAYMOVE`, `MREMAP_FIXED`, `MREMAP_DONTUNMAP`.
    pub flags: i32,
    /// Used with `MREMAP_FIXED` only.
    pub new_address: usize,
}

impl RemapRequest {
    /// # Safety
    /// As for [`mremap`].
    unsafe fn call(&self) -> Result<usize> {
        // Without these flags the caller passed none: what is read then is chance, which the kernel looks at for huge pages.
        let has_address = self.flags & (libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP) != 0;
        let new_address = if has_address { self.new_address } else { 0 };
        // SAFETY: the caller's promise.
        unsafe {
            memory::remap(
                self.old_address,
                self.old_size,
                self.new_size,
                self.flags,
                new_address,
            )
        }
    }
}

/// The request as the kernel understands it: of huge pages it rounds sizes up to whole ones.
fn in_whole_pages(session: &mut Session, request: &RemapRequest) -> RemapRequest {
    let at = request.old_address;
    let fragments = session.attachments().overlapping(at, at.saturating_add(1));
    let page = match fragments.first() {
        Some(fragment) if fragment.huge_log2 != 0 => 1usize.wrapping_shl(fragment.huge_log2.into()),
        _ => return *request,
    };
    let round = |size: usize| size.checked_next_multiple_of(page).unwrap_or(size);
    RemapRequest {
        old_size: round(request.old_size),
        new_size: round(request.new_size),
        ..*request
    }
}

/// mremap(2), of attachments too.
///
/// # Errors
/// As mremap(2).
///
/// # Safety
/// What was at the old place, and with `MREMAP_FIXED` at the new one, is not used any more.
pub unsafe fn mremap(request: &RemapRequest) -> Result<usize> {
    let fixed = request.flags & libc::MREMAP_FIXED != 0;
    let at_new = || session_for(request.new_address, request.new_size);
    let session = session_for(request.old_address, request.old_size.max(1))
        .or_else(|| fixed.then(at_new).flatten());
    let Some(mut session) = session else {
        // SAFETY: the caller's promise.
        return unsafe { request.call() };
    };
    let asked = request;
    let request = in_whole_pages(&mut session, request);
    let RemapRequest {
        old_address,
        old_size,
        new_size,
        flags,
        new_address,
    } = request;
    let old = Range::new(old_address, old_size);
    if is_more_than_one(&mut session, &request) {
        return Err(Errno::EFAULT);
    }
    session.attachments().make_room(3)?;
    // SAFETY: the caller's promise.
    let moved = unsafe { asked.call() };
    if moved.is_err() && fixed && old_address.is_multiple_of(memory::page_size()) {
        // The kernel makes room and cuts the end off before it finds that it cannot move.
        drop_what_is_gone(&mut session, Range::new(new_address, new_size));
        drop_what_is_gone(&mut session, old);
    }
    let new_start = moved?;
    let new = Range::new(new_start, new_size);
    if new_start != old_address && fixed {
        session.drop_range(new.start, new_size);
    }
    let old = shrink(&mut session, old, new);
    if old_size == 0 {
        double(&mut session, old_address, new);
    } else if new_start == old_address {
        grow(&mut session, old, new);
    } else {
        move_piece(&mut session, old, new, flags & libc::MREMAP_DONTUNMAP != 0);
    }
    Ok(new_start)
}

/// Whether a call that is right otherwise would move an attachment and what lies beside it: the kernel moves several
/// mappings at once if their size stays, but not with attachments among them.
fn is_more_than_one(session: &mut Session, request: &RemapRequest) -> bool {
    let page = memory::page_size();
    let old = Range::new(request.old_address, request.old_size);
    let new = Range::new(request.new_address, request.new_size);
    let fixed = request.flags & libc::MREMAP_FIXED != 0;
    let is_whole_move = fixed && request.old_size != 0 && old.len() == new.len();
    let is_wrong = !is_whole_move
        || !request.old_address.is_multiple_of(page)
        || request.new_size == 0
        || !request.new_address.is_multiple_of(page)
        || (old.start < new.end && new.start < old.end);
    let first = session
        .attachments()
        .overlapping(old.start, old.end)
        .last()
        .copied();
    !is_wrong && first.is_some_and(|first| first.start > old.start || first.end() < old.end)
}

#[derive(Clone, Copy)]
struct Range {
    start: usize,
    end: usize,
}

impl Range {
    /// Whole pages; an empty range stands for the page that it begins with.
    fn new(start: usize, len: usize) -> Range {
        let len = memory::page_round(len.max(1)).unwrap_or(usize::MAX);
        Range {
            start,
            end: start.saturating_add(len),
        }
    }

    fn len(self) -> usize {
        self.end - self.start
    }
}

/// A session, if the range meets an attachment.
fn session_for(address: usize, len: usize) -> Option<Session> {
    if !process::may_be_attached(address, len) {
        return None;
    }
    let mut session = Session::begin().ok()?;
    let range = Range::new(address, len);
    let meets = !session
        .attachments()
        .overlapping(range.start, range.end)
        .is_empty();
    meets.then_some(session)
}

/// A move that fails may have unmapped something all the same.
fn drop_what_is_gone(session: &mut Session, place: Range) {
    let mut from = place.start;
    while from < place.end {
        let Some(&fragment) = session.attachments().overlapping(from, place.end).last() else {
            break;
        };
        let start = fragment.start.max(place.start);
        let end = fragment.end().min(place.end);
        if !memory::is_mapped(start, end - start) {
            session.drop_range(start, end - start);
        }
        from = end;
    }
}

/// A second mapping of what lies at `old`.
fn double(session: &mut Session, old: usize, new: Range) {
    if let Some(&fragment) = session.attachments().overlapping(old, old + 1).first() {
        add_piece(
            session,
            &fragment,
            old - fragment.start,
            new.start,
            new.len(),
        );
    }
}

/// Cuts off what does not go on; returns the rest.
fn shrink(session: &mut Session, old: Range, new: Range) -> Range {
    let rest = Range {
        start: old.start,
        end: old.end.min(old.start.saturating_add(new.len())),
    };
    if rest.end < old.end {
        session.drop_range(rest.end, old.end - rest.end);
    }
    rest
}

/// Grown in place.
fn grow(session: &mut Session, old: Range, new: Range) {
    if new.end > old.end
        && let Some(fragment) = session.attachments().ending_at(old.end)
    {
        fragment.len += new.end - old.end;
        session.note_bounds();
    }
}

/// Moved, in whole or in part: it is in its new place before it is gone from the old, so that the attachment is never
/// without a mapping. More than one fragment never moves, see [`is_more_than_one`].
fn move_piece(session: &mut Session, old: Range, new: Range, stays: bool) {
    let Some(&fragment) = session
        .attachments()
        .overlapping(old.start, old.end)
        .first()
    else {
        return;
    };
    add_piece(
        session,
        &fragment,
        old.start.saturating_sub(fragment.start),
        new.start,
        new.len(),
    );
    if !stays {
        session.drop_range(old.start, old.len());
    }
}

fn add_piece(session: &mut Session, of: &Fragment, skip: usize, start: usize, len: usize) {
    if let Some(original) = session.attachments().starting_at(of.start) {
        original.has_siblings = true;
    }
    let piece = Fragment {
        start,
        len,
        offset: of.offset + skip,
        has_siblings: true,
        ..*of
    };
    session.add(piece);
    session.account(&piece, Change::DOUBLE);
}
