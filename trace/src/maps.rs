//! `/proc/self/maps`, line by line.

use core::ffi::CStr;

use crate::sys;

/// One line.
pub(crate) struct Mapping<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) executable: bool,
    pub(crate) offset: usize,
    pub(crate) device: usize,
    pub(crate) inode: usize,
    pub(crate) path: &'a [u8],
}

impl Mapping<'_> {
    /// Whether the address lies in it.
    pub(crate) fn holds(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// Room for a line with a path of 1 KiB, and no more: this may run on a small signal stack. Longer lines are skipped.
const BUFFER: usize = 1152;

/// Calls `visit` for every mapping.
pub(crate) fn each(mut visit: impl FnMut(&Mapping<'_>)) {
    // Once the main thread has ended, only the other threads' own tables have lines.
    if !each_of(c"/proc/self/maps", &mut visit) {
        each_of(c"/proc/thread-self/maps", &mut visit);
    }
}

/// Whether the table has lines.
fn each_of(table: &CStr, visit: &mut impl FnMut(&Mapping<'_>)) -> bool {
    let Ok(fd) = sys::open(table, libc::O_RDONLY, 0) else {
        return false;
    };
    let mut buffer = [0; BUFFER];
    let (mut filled, mut any) = (0, false);
    let mut skipping = false;
    while let Some(room) = buffer.get_mut(filled..) {
        let Ok(count @ 1..) = fd.read(room) else {
            return any;
        };
        any = true;
        filled += count;
        let mut used = 0;
        while let Some(rest) = buffer.get(used..filled)
            && let Some(len) = rest.iter().position(|byte| *byte == b'\n')
        {
            let line = rest.get(..len).filter(|_| !skipping);
            if let Some(mapping) = line.and_then(parse) {
                visit(&mapping);
            }
            skipping = false;
            used += len + 1;
        }
        if used == 0 && filled == BUFFER {
            skipping = true;
            used = filled;
        }
        filled = shift(&mut buffer, used, filled);
    }
    any
}

/// Moves what lies from `used` to `filled` to the front; how much that is. (`copy_within` could panic.)
fn shift(buffer: &mut [u8], used: usize, filled: usize) -> usize {
    let mut kept = 0;
    for from in used..filled {
        let byte = buffer.get(from).copied().unwrap_or(0);
        if let Some(to) = buffer.get_mut(kept) {
            *to = byte;
        }
        kept += 1;
    }
    kept
}

/// `start-end perms offset major:minor inode path`
fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut range = fields.next()?.splitn(2, |byte| *byte == b'-');
    let (start, end) = (hex(range.next()?)?, hex(range.next()?)?);
    let permissions = fields.next()?;
    let offset = hex(fields.next()?)?;
    let mut device = fields.next()?.splitn(2, |byte| *byte == b':');
    let (major, minor) = (hex(device.next()?)?, hex(device.next()?)?);
    let inode = core::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some(Mapping {
        start,
        end,
        executable: permissions.get(2) == Some(&b'x'),
        offset,
        device: libc::makedev(major as u32, minor as u32) as usize,
        inode,
        path: fields.next().unwrap_or(&[]).trim_ascii_start(),
    })
}

fn hex(digits: &[u8]) -> Option<usize> {
    usize::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}
