//! Which file systems are mounted where, as this process sees it.

use super::arch::syscall;
use super::reading::Reading;
use crate::error::Result;
use crate::text::{Path, Text};
use core::ffi::CStr;

/// `f_type` of hugetlbfs.
pub(crate) const HUGETLBFS: i64 = 0x9584_58f6;

/// The fields that are needed stand at the beginning of a line of mountinfo. The rest of a longer line is ignored.
type Line = Text<1536>;

/// Calls `visit` with each mount point of a hugetlbfs, until it returns false.
pub(crate) fn each_hugetlbfs(visit: &mut dyn FnMut(&Path) -> bool) -> Result<()> {
    each_line(c"/proc/self/mountinfo", &mut |line| {
        mount_point(line).is_none_or(|place| visit(&place))
    })
}

/// Calls `visit` with each line of a text file, until it returns false.
fn each_line(path: &CStr, visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<()> {
    let reading = Reading::begin(path, 0)?;
    let fd = reading.file().fd();
    let mut line = Line::new();
    let mut buffer = [0u8; 512];
    loop {
        // SAFETY: the buffer is writable for its length.
        let read = unsafe { syscall!(libc::SYS_read, fd, buffer.as_mut_ptr(), buffer.len()) }?;
        let mut rest = buffer.get(..read).unwrap_or(&[]);
        if rest.is_empty() {
            return reading.end();
        }
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            line.push(head);
            if !visit(line.bytes()) {
                return Ok(());
            }
            line = Line::new();
            rest = tail.get(1..).unwrap_or(&[]);
        }
        line.push(rest);
    }
}

/// The mount point in a line of mountinfo, if it is of a hugetlbfs: the fifth field, blanks and backslashes in it
/// written in octal.
fn mount_point(line: &[u8]) -> Option<Path> {
    const KIND: &[u8] = b" - hugetlbfs ";
    if !line.windows(KIND.len()).any(|part| part == KIND) {
        return None;
    }
    let mut field = line.split(|&byte| byte == b' ').nth(4)?;
    let mut path = Path::new();
    while let [first, rest @ ..] = field {
        let (byte, rest) = match field {
            [b'\\', a, b, c, rest @ ..] => {
                let digit = |byte: &u8| byte.wrapping_sub(b'0') & 7;
                (digit(a) << 6 | digit(b) << 3 | digit(c), rest)
            }
            _ => (*first, rest),
        };
        path.push(&[byte]);
        field = rest;
    }
    (!path.is_empty() && !path.is_cut()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_the_fifth_field_unescaped() {
        let found = |line: &[u8]| mount_point(line).map(|path| path.bytes().to_vec());
        let line = b"36 25 0:32 / /mnt/huge\\040pages rw shared:4 - hugetlbfs none rw,pagesize=2M";
        assert_eq!(found(line), Some(b"/mnt/huge pages".to_vec()));
        assert_eq!(found(b"36 25 0:32 / /mnt/huge rw - tmpfs none rw"), None);
        assert_eq!(found(b" - hugetlbfs "), None);
        assert_eq!(found(b""), None);
    }

    #[test]
    fn lines_are_read_whole_whatever_their_length() {
        let (mut lines, mut longest) = (0, 0);
        each_line(c"/proc/self/maps", &mut |line| {
            lines += 1;
            longest = longest.max(line.len());
            assert!(line.contains(&b'-'));
            true
        })
        .unwrap();
        assert!(lines > 10 && longest > 40);
        let mut first = 0;
        each_line(c"/proc/self/maps", &mut |_| {
            first += 1;
            false
        })
        .unwrap();
        assert_eq!(first, 1);
    }
}
