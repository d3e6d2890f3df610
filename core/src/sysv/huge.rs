//! Huge pages. The user backend has none to give; it answers as a kernel whose pool of them is empty.

use super::permission::Caller;
use crate::error::{Errno, Result};
use crate::os::files::{self, File};
use crate::os::identity::Capability;
use crate::text::{Path, parse_number};

/// In `shmflg`: use huge pages (`SHM_HUGETLB`).
pub(super) const HUGETLB: i32 = 0o4000;

const SIZE_SHIFT: u32 = 26;
const SIZE_MASK: u32 = 0x3f;

/// Why a segment of huge pages cannot be made.
///
/// # Returns
/// - `EINVAL` the system has no pages of that size
/// - `EPERM` the caller may not use them
/// - `ENOMEM` there are none free
pub(super) fn refusal(shmflg: i32, caller: &impl Caller) -> Errno {
    let encoded = shmflg as u32 >> SIZE_SHIFT & SIZE_MASK;
    if encoded != 0 && !is_supported(encoded) {
        Errno::EINVAL
    } else if !caller.has(Capability::IpcLock) && !is_in_permitted_group(caller) {
        Errno::EPERM
    } else {
        Errno::ENOMEM
    }
}

/// Whether the kernel manages pages of `1 << log2` bytes.
fn is_supported(log2: u32) -> bool {
    let mut path = Path::new();
    path.push_str("/sys/kernel/mm/hugepages/hugepages-")
        .push_decimal((1u64 << log2.min(63)) >> 10)
        .push_str("kB");
    files::status(path.as_c_str()).is_ok()
}

/// The group that `vm.hugetlb_shm_group` lets use huge pages.
fn is_in_permitted_group(caller: &impl Caller) -> bool {
    permitted_group().is_ok_and(|group| caller.is_in_group([group, group]))
}

fn permitted_group() -> Result<u32> {
    let mut text = [0u8; 16];
    let file = File::open(c"/proc/sys/vm/hugetlb_shm_group", libc::O_RDONLY, 0)?;
    let read = file.read_start(&mut text)?;
    let digits = text.get(..read).unwrap_or(&[]).trim_ascii();
    parse_number(digits)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or(Errno::ENOENT)
}
