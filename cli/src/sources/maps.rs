//! The lines of `/proc/PID/maps` that are mappings of files.

use super::holders::FileId;

/// One mapping of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapping<'a> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) offset: u64,
    pub(super) writable: bool,
    pub(super) private: bool,
    pub(super) file: FileId,
    /// As the kernel shows it: blanks and all but line feeds as they are, and those as `\012`.
    pub(super) path: &'a [u8],
}

impl Mapping<'_> {
    /// The path as it is.
    pub(super) fn whole_path(&self) -> Vec<u8> {
        const LINE_FEED: &[u8] = b"\\012";
        let (mut path, mut rest) = (Vec::new(), self.path);
        while let Some((&first, after)) = rest.split_first() {
            match rest.strip_prefix(LINE_FEED) {
                Some(after) => {
                    path.push(b'\n');
                    rest = after;
                }
                None => {
                    path.push(first);
                    rest = after;
                }
            }
        }
        path
    }

    /// What `/proc/PID/map_files` calls it.
    pub(super) fn range(&self) -> String {
        format!("{:x}-{:x}", self.start, self.end)
    }
}

/// One line: `START-END PERMISSIONS OFFSET MAJOR:MINOR INODE NAME`. Private mappings of no
/// file give nothing.
pub(super) fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let mut rest = line;
    let mut field = || {
        let start = rest.iter().position(|byte| *byte != b' ')?;
        let from = rest.get(start..)?;
        let length = from.iter().position(|byte| *byte == b' ');
        let (word, after) = from.split_at(length.unwrap_or(from.len()));
        rest = after;
        std::str::from_utf8(word).ok()
    };
    let (start, end) = field()?.split_once('-')?;
    let permissions = field()?.as_bytes();
    let offset = field()?;
    let (major, minor) = field()?.split_once(':')?;
    let inode = field()?.parse().ok()?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let (major, minor) = (
        number(major)?.try_into().ok()?,
        number(minor)?.try_into().ok()?,
    );
    let private = permissions.get(3) != Some(&b's');
    // The number of a segment of the kernel's is its id, which may be 0.
    if inode == 0 && private {
        return None;
    }
    Some(Mapping {
        start: number(start)?,
        end: number(end)?,
        offset: number(offset)?,
        private,
        writable: permissions.get(1) == Some(&b'w'),
        file: FileId::new(libc::makedev(major, minor), inode),
        path: rest.trim_ascii_start(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line =
            b"7f0012340000-7f0012350000 rw-s 00001000 00:1b 4711    /dev/shm/my name (deleted)";
        let mapping = parse(line).unwrap();
        assert_eq!(mapping.range(), "7f0012340000-7f0012350000");
        assert_eq!((mapping.offset, mapping.writable), (0x1000, true));
        assert_eq!(mapping.file, FileId::new(libc::makedev(0, 0x1b), 4711));
        assert_eq!(mapping.path, b"/dev/shm/my name (deleted)");
        assert!(!mapping.private);
        assert!(parse(b"5000-6000 rw-s 00000000 00:01 0    /SYSV00000077 (deleted)").is_some());
        let program = parse(b"5000-6000 r-xp 00000000 fd:01 12 /bin/sh").unwrap();
        assert!(program.private);
        assert_eq!(parse(b"5000-6000 rw-p 00000000 00:00 0 [heap]"), None);
        assert_eq!(mapping.whole_path(), mapping.path);
        assert_eq!(parse(b""), None);
        let line =
            b"7f0012340000-7f0012350000 rw-s 00000000 00:01 9    /memfd:a\\012b\\01 (deleted)";
        let path = parse(line).unwrap().whole_path();
        assert_eq!(path, b"/memfd:a\nb\\01 (deleted)");
    }
}
