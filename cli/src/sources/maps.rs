//! Who maps what, from `/proc/PID/maps`: the processes of this user, or all for root.

use super::process;
use crate::model::Attachment;
use std::collections::HashMap;
use std::fs;

/// A file as mappings name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// Shared mappings by file.
pub(super) type Mappings = HashMap<FileId, Vec<Attachment>>;

/// All shared mappings of the processes that `wanted` lets through. Neighbouring mappings of one
/// file in a process count as one: mprotect and mlock of a part split what was mapped at once.
pub(super) fn shared_mappings(wanted: impl Fn(i32) -> bool) -> Mappings {
    let mut found = Mappings::new();
    for pid in process::all().into_iter().filter(|pid| wanted(*pid)) {
        let Ok(table) = fs::read(format!("/proc/{pid}/maps")) else {
            continue;
        };
        let command = process::command_of(pid);
        let mut last_end = 0;
        for line in table.split(|byte| *byte == b'\n') {
            let Some(mapping) = parse(line) else { continue };
            let attachments = found.entry(mapping.file).or_default();
            match attachments.last_mut() {
                Some(last) if last.pid == pid && last_end == mapping.start => {
                    last.mappings += 1;
                    last.read_only &= !mapping.writable;
                }
                _ => attachments.push(Attachment {
                    pid,
                    command: command.clone(),
                    address: mapping.start,
                    since: None,
                    read_only: !mapping.writable,
                    mappings: 1,
                }),
            }
            last_end = mapping.end;
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    start: u64,
    end: u64,
    writable: bool,
    file: FileId,
}

/// One line: `START-END PERMISSIONS OFFSET MAJOR:MINOR INODE NAME`. Private mappings and those of
/// no file give nothing.
fn parse(line: &[u8]) -> Option<Mapping> {
    let head = line.get(..line.len().min(120))?;
    let text = String::from_utf8_lossy(head);
    let mut fields = text.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?.as_bytes();
    let (major, minor) = fields.nth(1)?.split_once(':')?;
    let inode = fields.next()?.parse().ok()?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let (major, minor) = (
        number(major)?.try_into().ok()?,
        number(minor)?.try_into().ok()?,
    );
    if permissions.get(3) != Some(&b's') {
        return None;
    }
    Some(Mapping {
        start: number(start)?,
        end: number(end)?,
        writable: permissions.get(1) == Some(&b'w'),
        file: FileId {
            device: libc::makedev(major, minor),
            inode,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let line =
            b"7f0012340000-7f0012350000 rw-s 00001000 00:1b 4711    /dev/shm/my name (deleted)";
        let file = FileId {
            device: libc::makedev(0, 0x1b),
            inode: 4711,
        };
        let (start, end) = (0x7f00_1234_0000, 0x7f00_1235_0000);
        assert_eq!(
            parse(line),
            Some(Mapping {
                start,
                end,
                writable: true,
                file
            })
        );
        assert_eq!(parse(b"5000-6000 r-xp 00000000 fd:01 12 /bin/sh"), None);
        assert_eq!(parse(b""), None);
    }
}
