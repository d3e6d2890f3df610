//! The build id of a mapped file, from its headers in memory: it tells a report whether the file there is the one that ran.

use crate::sys;

/// Longest build id kept, in bytes.
pub(crate) const MAX: usize = 32;
/// What is read at once: the headers, and mostly the note as well.
const HEAD: usize = 1024;
const PT_NOTE: u64 = 4;
const NT_GNU_BUILD_ID: u64 = 3;
/// Longest list of notes that is looked through.
const NOTES: usize = 256;

/// The build id of the file whose first byte is mapped at `start`; empty if it has none. The kernel reads: the mapping may
/// go away meanwhile.
pub(crate) fn of(start: usize, into: &mut [u8; MAX]) -> &[u8] {
    let mut head = [0; HEAD];
    let read = sys::read_memory(start, &mut head).unwrap_or(0);
    let head = head.get(..read).unwrap_or(&[]);
    let len = find(start, head, into).unwrap_or(0);
    into.get(..len).unwrap_or(&[])
}

fn find(start: usize, head: &[u8], into: &mut [u8; MAX]) -> Option<usize> {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (at, size, count) = (
        number(head, 32, 8)?,
        number(head, 54, 2)?,
        number(head, 56, 2)?,
    );
    let mut first = None;
    for index in 0..count.min(64) {
        let header = at.checked_add(index.checked_mul(size)?)? as usize;
        const PT_LOAD: u64 = 1;
        let address = number(head, header.checked_add(16)?, 8)? as usize;
        match number(head, header, 4)? {
            PT_LOAD => first = first.or(Some(address & !0xfff)),
            PT_NOTE => {
                let len = (number(head, header.checked_add(32)?, 8)? as usize).min(NOTES);
                let offset = number(head, header.checked_add(8)?, 8)? as usize;
                let found = match head.get(offset..offset.checked_add(len)?) {
                    Some(notes) => note(notes, into),
                    None => {
                        let mut notes = [0; NOTES];
                        let at = start.wrapping_add(address).wrapping_sub(first.unwrap_or(0));
                        let read = sys::read_memory(at, notes.get_mut(..len)?).ok()?;
                        note(notes.get(..read)?, into)
                    }
                };
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    None
}

/// Copies the build id from a list of notes: sizes of name and contents, type, name, contents, each padded.
fn note(mut notes: &[u8], into: &mut [u8; MAX]) -> Option<usize> {
    loop {
        let (name, len) = (number(notes, 0, 4)? as usize, number(notes, 4, 4)? as usize);
        let contents = 12usize.checked_add(name.checked_next_multiple_of(4)?)?;
        if number(notes, 8, 4)? == NT_GNU_BUILD_ID && notes.get(12..16)? == b"GNU\0" {
            let id = notes.get(contents..contents.checked_add(len)?)?;
            let len = id.len().min(MAX);
            for (place, byte) in into.iter_mut().zip(id) {
                *place = *byte;
            }
            return Some(len);
        }
        let next = contents.checked_add(len.checked_next_multiple_of(4)?)?;
        notes = notes.get(next..)?;
    }
}

/// A little-endian number of `len` bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    let add = |number, byte: &u8| number << 8 | u64::from(*byte);
    Some(bytes.iter().rev().fold(0, add))
}
