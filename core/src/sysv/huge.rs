//! Huge pages: who may have them, and of which size. Where their memory lies is `registry/huge.rs`.

use super::permission::Caller;
use crate::error::{Errno, Result};

use crate::os::identity::Capability;
use crate::os::{paths, reading};
use crate::registry::{Segment, huge_flags};
use crate::text::Path;

/// In `shmflg`: use huge pages (`SHM_HUGETLB`).
pub(super) const HUGETLB: i32 = 0o4000;

const SIZE_SHIFT: u32 = 26;
const SIZE_MASK: u32 = 0x3f;

/// The flags of a segment of huge pages, if the caller may make one.
///
/// # Errors
/// - `EINVAL` the system has no pages of that size
/// - `EPERM` the caller may not use them
/// - `ENOMEM` the system does not say which size is its usual one
#[cold]
#[inline(never)]
pub(super) fn flags(shmflg: i32, caller: &impl Caller) -> Result<u32> {
    let encoded = shmflg as u32 >> SIZE_SHIFT & SIZE_MASK;
    if encoded != 0 && !is_supported(encoded) {
        return Err(Errno::EINVAL);
    }
    if !caller.has(Capability::IpcLock) && !is_in_permitted_group(caller) {
        return Err(Errno::EPERM);
    }
    let log2 = if encoded == 0 { usual_size()? } else { encoded };
    Ok(huge_flags(log2))
}

/// Further flags for mmap(2) of a segment. If its pages were not reserved, mmap must not reserve them either.
pub(super) fn map_flags(segment: &Segment) -> i32 {
    if segment.huge_page().is_some() && segment.is_unreserved() {
        libc::MAP_NORESERVE
    } else {
        0
    }
}

/// The logarithm of the size of huge pages where none is asked for.
fn usual_size() -> Result<u32> {
    let mut text = [0u8; 4096];
    let read = reading::read_start(c"/proc/meminfo", &mut text).map_err(|_| Errno::ENOMEM)?;
    usual_size_in(text.get(..read).unwrap_or(&[])).ok_or(Errno::ENOMEM)
}

fn usual_size_in(meminfo: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"Hugepagesize:";
    let at = meminfo.windows(NAME.len()).position(|part| part == NAME)?;
    first_number(meminfo.get(at + NAME.len()..)?)
        .checked_ilog2()
        .map(|log2| log2 + 10)
}

/// The decimal number behind any blanks, 0 if there is none.
fn first_number(text: &[u8]) -> u32 {
    text.iter()
        .skip_while(|&&byte| byte == b' ')
        .map_while(|&byte| char::from(byte).to_digit(10))
        .fold(0, |number, digit| {
            number.wrapping_mul(10).wrapping_add(digit)
        })
}

/// Whether the kernel manages pages of `1 << log2` bytes.
fn is_supported(log2: u32) -> bool {
    let mut path = Path::new();
    path.push_str("/sys/kernel/mm/hugepages/hugepages-")
        .push_decimal((1u64 << log2.min(63)) >> 10)
        .push_str("kB");
    paths::lstat(path.as_c_str()).is_ok()
}

/// The group that `vm.hugetlb_shm_group` lets use huge pages.
fn is_in_permitted_group(caller: &impl Caller) -> bool {
    let mut text = [0u8; 16];
    let read = reading::read_start(c"/proc/sys/vm/hugetlb_shm_group", &mut text);
    let group = first_number(&text);
    read.is_ok() && caller.is_in_group([group, group])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_size_is_the_one_that_meminfo_names() {
        let meminfo = b"HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb: 0 kB\n";
        assert_eq!(usual_size_in(meminfo), Some(21));
        assert_eq!(usual_size_in(b"Hugepagesize:    1048576 kB"), Some(30));
        assert_eq!(usual_size_in(b"MemTotal:  1 kB\n"), None);
        assert_eq!(usual_size_in(b"Hugepagesize: 0 kB"), None);
    }
}
