//! Attachments of members that have died become detaches, as the kernel makes them at a process's end.

use super::guard::SegmentGuard;
use super::members::Prober;
use super::segment::{Segment, State};
use crate::os::clock;
use crate::sync::Ordering;

/// A segment that is attached more often than this since it was last looked through is looked through again; twice
/// what was left is the next mark, so that the work stays in proportion.
const FIRST_MARK: u32 = 16;

/// Takes dead members' attachments off and corrects `nattch`, `dtime` and `lpid`.
pub(super) fn reap(guard: &SegmentGuard<'_>, prober: &mut Prober<'_>) -> Segment {
    let mut segment = guard.read();
    if segment.state != State::Live {
        return segment;
    }
    let mut last = None;
    let left = guard.retain(
        &segment,
        |token| prober.is_alive(token),
        |pid, _| last = Some(pid),
    );
    guard.slot.reap_at.store(
        left.saturating_mul(2).saturating_add(FIRST_MARK),
        Ordering::Relaxed,
    );
    if left != segment.nattch || last.is_some() {
        segment.nattch = left;
        if let Some(pid) = last {
            segment.dtime = clock::now();
            segment.lpid = pid;
        }
        guard.write(&segment);
    }
    segment
}

/// Whether so many attachments came since the last look that the dead among them should go.
pub(crate) fn is_due(guard: &SegmentGuard<'_>, segment: &Segment) -> bool {
    segment.nattch >= guard.slot.reap_at.load(Ordering::Relaxed).max(FIRST_MARK)
}
