//! Shared memory descriptors that no recorded call made.

use core::ffi::c_int;

use partage_trace_format::{Call, payload::tag};

use crate::{descriptors, places, sys, writer};

const MEMFD: &[u8] = b"/memfd:";
const LINK_MAX: usize = 1024;

/// Looks at what `fd` stands for; if that is shared memory, notes and records it.
pub(crate) fn examine(fd: c_int) -> bool {
    let Ok(number) = u64::try_from(fd) else {
        return false;
    };
    let mut buffer = [0; LINK_MAX];
    let Some(link) = places::read_link(fd, &mut buffer) else {
        return false;
    };
    if !places::is_shared_path(link) && !link.starts_with(MEMFD) {
        return false;
    }
    descriptors::note(fd, true);
    let (device, inode, size) = sys::stat_fd(fd).map_or((0, 0, 0), |stat| {
        (
            stat.st_dev as usize,
            stat.st_ino as usize,
            stat.st_size as usize,
        )
    });
    writer::found(
        Call::FoundFd,
        [number as usize, device, inode, size, 0, 0],
        &[(tag::NAME, link)],
    );
    true
}

/// Looks at the descriptors that the program was started with.
pub(crate) fn inherited() {
    let Ok(directory) = sys::open(c"/proc/self/fd", libc::O_RDONLY | libc::O_DIRECTORY, 0) else {
        return;
    };
    let mut buffer = [0; 4096];
    while let Ok(filled @ 1..) = directory.entries(&mut buffer) {
        let mut entries = buffer.get(..filled).unwrap_or(&[]);
        while let Some((name, rest)) = split_entry(entries) {
            entries = rest;
            let number = core::str::from_utf8(name)
                .ok()
                .and_then(|name| name.parse().ok());
            if let Some(fd) = number.filter(|fd| *fd != directory.number()) {
                examine(fd);
            }
        }
    }
}

/// The name of the first `struct linux_dirent64`, and what follows it.
fn split_entry(entries: &[u8]) -> Option<(&[u8], &[u8])> {
    const LENGTH: core::ops::Range<usize> = 16..18;
    const NAME: usize = 19;
    let length = usize::from(u16::from_ne_bytes(entries.get(LENGTH)?.try_into().ok()?));
    let name = entries.get(NAME..length)?;
    let name = name.split(|byte| *byte == 0).next()?;
    Some((name, entries.get(length..)?))
}
