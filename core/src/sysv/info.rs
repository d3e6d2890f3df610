//! shmctl(2) with `IPC_INFO` and `SHM_INFO`: the namespace's limits, and how much of them is used.
//! Tested by `c_tests/sysv`.

use crate::error::Result;
pub use crate::options::Limits;
use crate::os::memory::page_size;
use crate::process;
use crate::registry::{MAX_SEGMENTS, State};

/// `IPC_INFO`: the limits, and the highest slot in use.
#[inline(never)]
pub fn limits() -> Result<(Limits, u32)> {
    let registry = process::registry()?;
    process::sweep(registry);
    Ok((registry.limits(), registry.highest_used().unwrap_or(0)))
}

/// What `SHM_INFO` tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Segments, those that wait for their last detach included.
    pub used_ids: u32,
    /// Pages that they are charged with.
    pub pages: u64,
    /// Pages of them that are in memory.
    pub resident_pages: u64,
}

/// `SHM_INFO`: usage, and the highest slot in use. One system call for each segment.
#[inline(never)]
pub fn usage() -> Result<(Usage, u32)> {
    let registry = process::registry()?;
    process::sweep(registry);
    let (used_ids, pages) = registry.totals();
    let mut resident = 0u64;
    let mut from = 0;
    while let Some(index) = registry.next_used(from, MAX_SEGMENTS) {
        from = index + 1;
        if let Some(segment) = registry
            .read_slot(index)
            .filter(|segment| matches!(segment.state, State::Live | State::Removed))
        {
            resident = resident.saturating_add(registry.resident_bytes(&segment));
        }
    }
    let usage = Usage {
        used_ids,
        pages,
        resident_pages: resident / page_size() as u64,
    };
    Ok((usage, registry.highest_used().unwrap_or(0)))
}
