//! shmdt(2): unmap an attachment. Tested by `c_tests/sysv`.

use crate::error::{Errno, Result};
use crate::log;
use crate::os::memory::page_size;
use crate::process::{self, TABLE};

/// Detaches what [`crate::sysv::attach()`] put at `shmaddr`, all parts that are left of it.
///
/// # Errors
/// - `EINVAL` nothing is attached there
///
/// # Safety
/// The caller must not use the memory any more.
pub unsafe fn detach(shmaddr: usize) -> Result<()> {
    if !shmaddr.is_multiple_of(page_size()) || !TABLE.may_have_attachments() {
        return Err(explain(shmaddr));
    }
    let registry = process::registry()?;
    // SAFETY: the caller's promise.
    let mut detached = unsafe { process::detach(registry, shmaddr) };
    if detached == Err(Errno::EINVAL) {
        // A thread may have ended in the middle of attaching or detaching there.
        process::wait_for_others(shmaddr);
        process::settle_thoroughly(None);
        // SAFETY: the caller's promise.
        detached = unsafe { process::detach(registry, shmaddr) };
    }
    detached.map_err(|error| match error {
        Errno::EINVAL => explain(shmaddr),
        other => other,
    })
}

/// A pointer into the middle of an attachment is a common mistake.
#[cold]
fn explain(shmaddr: usize) -> Errno {
    let mut around = None;
    TABLE.each_in(shmaddr, shmaddr.saturating_add(1), |mapping| {
        around = Some(*mapping);
    });
    log::write_error(Errno::EINVAL, |line| {
        let line = line.str("nothing is attached at ").hex(shmaddr as u64);
        match around {
            Some(mapping) => line
                .str("; segment ")
                .number(mapping.shmid.into())
                .str(" is attached at ")
                .hex(mapping.base() as u64)
                .str(", and this points into it"),
            None => line,
        }
    })
}
