//! A descriptor of a segment's memory. This is no System V call: libraries that lend a segment's memory to others use
//! it. Tested by `c_tests/sysv`.

use super::explain;
use super::permission::{self, Current, READ, WRITE};
use crate::error::{Errno, Result};
use crate::process;

/// Opens a segment's memory for reading and writing; returns the descriptor, closed by exec, and the segment's size in
/// bytes. It does not count as an attachment, and outlives the segment.
///
/// # Errors
/// - `EINVAL` no such segment
/// - `EACCES` no permission to read and write it
/// - `EIDRM` the segment's file is gone
/// - `EMFILE`, `ENFILE` no descriptor left
/// - `EOVERFLOW` more than can be mapped here
pub fn open(shmid: i32) -> Result<(i32, usize)> {
    let shmid = u32::try_from(shmid).map_err(|_| explain::no_segment(shmid))?;
    let registry = process::registry()?;
    let segment = process::find_id(registry, shmid).map_err(explain::unknown(shmid))?;
    permission::check(&segment, READ | WRITE, &Current)?;
    if segment.is_removed() {
        registry.check_held(shmid, process::current_token())?;
    }
    let size = usize::try_from(segment.size).map_err(|_| Errno::EOVERFLOW)?;
    let file = registry.open_file(&segment, false)?;
    Ok((file.into_fd(), size))
}
