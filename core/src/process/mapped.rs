//! What the kernel's list of mappings says of the table's entries: which of them it bears out, and what none explains.
//! Tested by `c_tests/process`, the programs about jumps and overlapping calls.

use super::entry::{Entry, Mapping};
use super::kept;
use super::range::Parts;
use super::registry::REGISTRY;
use super::stamp::Stamp;
use super::table::{Explained, TABLE};
use crate::error::Errno;
use crate::os::{maps, memory};
use crate::text::Text;

/// What the kernel's list answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    No,
    /// Another thread will tell: it is in the middle of detaching there.
    NotYet,
    /// From where to where, and where the start of the segment is or would be.
    Yes(usize, usize, usize),
}

/// How far an entry that is being detached explains a mapping.
pub(super) type Left<'a> = &'a dyn Fn(&Entry, Stamp) -> Explained;

/// Whether the kernel still has a part of an entry's mapping that no other entry explains. `left` says how far one that
/// is being detached does.
///
/// An entry whose thread has ended is right about its addresses for as long as it has not unmapped: what is attached
/// there besides was attached later, so this one has been unmapped.
pub(super) fn still_maps(entry: &Entry, mapping: &Mapping, left: Left<'_>) -> Answer {
    // If the kernel cannot be asked, it is taken to be there: better counted too long than too short.
    find(Some((entry, mapping)), mapping.shmid, left).unwrap_or(Answer::Yes(
        mapping.start,
        mapping.end(),
        mapping.base(),
    ))
}

/// The same, and only if the kernel says so: from where to where.
pub(super) fn surely_maps(
    entry: &Entry,
    mapping: &Mapping,
    left: Left<'_>,
) -> Option<(usize, usize)> {
    match find(Some((entry, mapping)), mapping.shmid, left) {
        Ok(Answer::Yes(start, end, _)) => Some((start.max(mapping.start), end.min(mapping.end()))),
        _ => None,
    }
}

/// A mapping of the segment that no attachment explains. One that an ended thread made is there at whatever instant the
/// list is read, and was so before.
pub(super) fn unexplained(shmid: u32, left: Left<'_>) -> Result<Answer, Errno> {
    find(None, shmid, left)
}

#[inline(never)]
fn find(of: Option<(&Entry, &Mapping)>, shmid: u32, left: Left<'_>) -> Result<Answer, Errno> {
    let name = name_of(shmid);
    let mut answer = Answer::No;
    maps::each_own(&mut |listed| {
        let (start, end) = match of {
            Some((_, mapping)) if is_part(&listed, mapping, &name) => (
                listed.start.max(mapping.start),
                listed.end.min(mapping.end()),
            ),
            None if is_of(listed.name(), &name) && !is_kept(&listed) => (listed.start, listed.end),
            _ => return true,
        };
        if start < end {
            let base = base_of(&listed);
            let it = (shmid, base);
            match TABLE.explanation(of.map(|of| of.0), it, (start, end), left) {
                Explained::Not => answer = Answer::Yes(listed.start, listed.end, base),
                Explained::Perhaps => answer = Answer::NotYet,
                Explained::Surely => {}
            }
        }
        !matches!(answer, Answer::Yes(..))
    })?;
    Ok(answer)
}

fn is_kept(listed: &maps::Mapping) -> bool {
    listed.end - listed.start == memory::page_size() && kept::is_kept_at(listed.start)
}

/// In a child: finds the mapping that an attach of its parent was making, if it is here.
pub(super) fn find_mapping(entry: &Entry) -> bool {
    let Ok(Answer::Yes(start, end, base)) = unexplained(entry.shmid(), &|_, _| Explained::Not)
    else {
        return false;
    };
    entry.set_mapping(&mapping_at(entry, (start, end), base));
    true
}

/// Reads the list once, and notes for each attachment how much of it is there. Returns a mapping of a segment that
/// attachments do not explain, or only in part: this one if it is one, else any. It has no group yet.
pub(super) fn cover(this: Option<&Mapping>) -> Option<Mapping> {
    for (_, entry) in TABLE.all() {
        entry.set_covered(0);
    }
    let mut found = None;
    let _ = maps::each_own(&mut |listed| {
        if !cover_by(&listed)
            && !is_kept(&listed)
            && let Some(shmid) = REGISTRY.segment_of_file(listed.name())
        {
            let one = Mapping {
                start: listed.start,
                len: listed.end - listed.start,
                offset: listed.offset as usize,
                shmid,
                read_only: false,
                huge_log2: 0,
                group: 0,
            };
            if found.is_none() || this == Some(&one) {
                found = Some(one);
            }
        }
        true
    });
    found
}

/// Notes that a listed mapping is part of the attachments that it is part of, and returns whether they explain all of it.
fn cover_by(listed: &maps::Mapping) -> bool {
    let shmid = REGISTRY.segment_of_file(listed.name());
    let mut first = None::<&Entry>;
    let mut explained = 0usize;
    for (_, entry) in TABLE.all() {
        let Some((_, mapping)) = entry.mapped() else {
            continue;
        };
        let (start, end) = (
            listed.start.max(mapping.start),
            listed.end.min(mapping.end()),
        );
        let is_its = base_of(listed) == mapping.base()
            && start < end
            && (shmid == Some(mapping.shmid) || mapping.huge_log2 != 0);
        if is_its {
            explained = explained.saturating_add(end - start);
            entry.set_covered(entry.covered().saturating_add(end - start));
            match first {
                None => first = Some(entry),
                // Both are to be looked at: one mapping has been noted twice.
                Some(first) => {
                    first.set_covered(usize::MAX);
                    entry.set_covered(usize::MAX);
                }
            }
        }
    }
    explained >= listed.end - listed.start
}

pub(super) fn mapping_at(entry: &Entry, (start, end): (usize, usize), base: usize) -> Mapping {
    Mapping {
        start,
        len: end - start,
        offset: start.wrapping_sub(base),
        shmid: entry.shmid(),
        read_only: false,
        huge_log2: 0,
        group: TABLE.new_group(),
    }
}

/// What a listed mapping is of an attachment that it belongs to.
pub(super) fn part_at(mapping: &Mapping, (start, end): (usize, usize), base: usize) -> Mapping {
    Mapping {
        start,
        len: end - start,
        offset: start.wrapping_sub(base),
        ..*mapping
    }
}

/// The address that the start of the file has, or would have.
fn base_of(listed: &maps::Mapping) -> usize {
    listed.start.wrapping_sub(listed.offset as usize)
}

/// Whether a mapping of the kernel's list is part of one of ours: another attachment of the segment may have come to lie
/// over some of the addresses, but then its pages are not where they would be.
fn is_part(other: &maps::Mapping, mapping: &Mapping, name: &Text<64>) -> bool {
    base_of(other) == mapping.base() && (is_of(other.name(), name) || mapping.huge_log2 != 0)
}

/// What the kernel still has of a mapping. If the kernel cannot be asked, all of it.
pub(super) fn parts_of(mapping: &Mapping) -> Parts {
    let name = name_of(mapping.shmid);
    let mut parts = Parts::default();
    let mut end_of_last = 0;
    let read = maps::each_own(&mut |other| {
        let start = other.start.max(mapping.start);
        let end = other.end.min(mapping.end());
        if start < end && is_part(&other, mapping, &name) {
            // The kernel may have split a mapping that is one to us.
            if start == end_of_last {
                parts.extend(end);
            } else {
                parts.add(&part_at(mapping, (start, end), mapping.base()));
            }
            end_of_last = end;
        }
        true
    });
    if read.is_err() {
        return Parts::outside(&[], mapping);
    }
    parts
}

/// Whether a mapping's name is that of a segment's file. Behind its beginning may come the size, and a note that it was
/// removed.
fn is_of(name: &[u8], segment: &Text<64>) -> bool {
    name.strip_prefix(segment.bytes())
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'-' | b' ')))
}

/// What the name of a segment's file begins with.
pub(super) fn name_of(shmid: u32) -> Text<64> {
    let mut name = Text::new();
    REGISTRY.push_segment_name(shmid, &mut name);
    name
}
