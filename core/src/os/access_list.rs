//! POSIX access lists, as the kernel keeps them in an extended attribute: version 2, little-endian.

use super::arch::syscall;
use crate::error::Result;
use core::ffi::CStr;

const ATTRIBUTE: &CStr = c"system.posix_acl_access";
const VERSION: [u8; 4] = 2u32.to_le_bytes();

const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const OWNING_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHERS: u16 = 0x20;

const NOBODY: u32 = u32::MAX;
const ENTRY: usize = 8;
const MOST: usize = 4 + 8 * ENTRY;

struct List {
    bytes: [u8; MOST],
    len: usize,
}

impl List {
    fn push(&mut self, tag: u16, digit: u32, id: u32) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + ENTRY) {
            let (head, tail) = place.split_at_mut(4);
            let (first, second) = head.split_at_mut(2);
            first.copy_from_slice(&tag.to_le_bytes());
            second.copy_from_slice(&((digit & 7) as u16).to_le_bytes());
            tail.copy_from_slice(&id.to_le_bytes());
            self.len += ENTRY;
        }
    }

    /// The kernel wants the entries of a kind sorted by id, each once.
    fn push_both(&mut self, tag: u16, digit: u32, [one, two]: [u32; 2]) {
        self.push(tag, digit, one.min(two));
        if one != two {
            self.push(tag, digit, one.max(two));
        }
    }
}

fn list(mode: u32, users: [u32; 2], groups: [u32; 2]) -> List {
    let mut list = List {
        bytes: [0; MOST],
        len: VERSION.len(),
    };
    if let Some(head) = list.bytes.first_chunk_mut() {
        *head = VERSION;
    }
    list.push(OWNER, mode >> 6, NOBODY);
    list.push_both(USER, mode >> 6, users);
    list.push(OWNING_GROUP, mode >> 3, NOBODY);
    list.push_both(GROUP, mode >> 3, groups);
    list.push(MASK, 7, NOBODY);
    list.push(OTHERS, mode, NOBODY);
    list
}

/// Gives `users` the first digit of `mode`, `groups` the second and everybody else the third.
///
/// # Errors
/// - `EPERM` the file is not the caller's
/// - `EOPNOTSUPP` the file system has no access lists
pub(crate) fn set(path: &CStr, mode: u32, users: [u32; 2], groups: [u32; 2]) -> Result<()> {
    let list = list(mode, users, groups);
    // SAFETY: both strings end with a zero byte, the value is readable for its length.
    unsafe {
        syscall!(
            libc::SYS_setxattr,
            path.as_ptr(),
            ATTRIBUTE.as_ptr(),
            list.bytes.as_ptr(),
            list.len,
            0usize
        )
    }
    .map(drop)
}

/// Whether the file's list names a user, and whether it names a group.
pub(crate) fn names(path: &CStr, uid: u32, gid: u32) -> (bool, bool) {
    let mut bytes = [0u8; MOST];
    // SAFETY: both strings end with a zero byte, the buffer is writable for its length.
    let read = unsafe {
        syscall!(
            libc::SYS_getxattr,
            path.as_ptr(),
            ATTRIBUTE.as_ptr(),
            bytes.as_mut_ptr(),
            bytes.len()
        )
    };
    let entries = bytes
        .get(VERSION.len()..read.unwrap_or(0))
        .unwrap_or(&[])
        .chunks_exact(ENTRY);
    let (mut user, mut group) = (false, false);
    for entry in entries {
        if let [tag, _, _, _, a, b, c, d] = *entry {
            let id = u32::from_le_bytes([a, b, c, d]);
            user |= u16::from(tag) == USER && id == uid;
            group |= u16::from(tag) == GROUP && id == gid;
        }
    }
    (user, group)
}

/// Removes the list, if there is one.
pub(crate) fn remove(path: &CStr) {
    // SAFETY: both strings end with a zero byte.
    let _ = unsafe { syscall!(libc::SYS_removexattr, path.as_ptr(), ATTRIBUTE.as_ptr()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_in_the_kernels_order() {
        let list = list(0o640, [7, 5], [9, 9]);
        let entries: Vec<_> = list.bytes[4..list.len]
            .chunks(ENTRY)
            .map(|e| (e[0], e[2], e[4]))
            .collect();
        assert_eq!(
            entries,
            [
                (1, 6, 255),
                (2, 6, 5),
                (2, 6, 7),
                (4, 4, 255),
                (8, 4, 9),
                (16, 7, 255),
                (32, 0, 255)
            ]
        );
        assert_eq!(list.bytes[..4], [2, 0, 0, 0]);
    }
}
