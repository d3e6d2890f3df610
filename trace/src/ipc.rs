//! The IPC namespace of this process: an id of a segment means something in it only.
//!
//! It is recorded where it is another than that of the run.

use core::sync::atomic::{AtomicU64, Ordering};

use partage_trace_format::Call;

use crate::{options, sys, writer};

/// The namespace that the recording knows of; 0 is the run's.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Looks where this thread is, and records it if that is another namespace than the one that was told last.
pub(crate) fn look() {
    let run = options::ipc_namespace();
    if run == 0 {
        return;
    }
    let Some(now) = namespace() else {
        return;
    };
    let now = if now == run { 0 } else { now };
    if TOLD.swap(now, Ordering::Relaxed) != now {
        writer::found(Call::IpcNamespace, [now as usize, 0, 0, 0, 0, 0], &[]);
    }
}

/// Its number, from `ipc:[4026531839]`.
fn namespace() -> Option<u64> {
    let mut buffer = [0; 64];
    let link = sys::read_link(c"/proc/thread-self/ns/ipc", &mut buffer).ok()?;
    let digits = link.strip_prefix(b"ipc:[")?.strip_suffix(b"]")?;
    core::str::from_utf8(digits).ok()?.parse().ok()
}
