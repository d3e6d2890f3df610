//! A process that ends normally.

use super::entry::Stage;
use super::own;
use super::registry::REGISTRY;
use super::share::Share;
use super::table::TABLE;
use crate::os::process::pid;
use crate::registry::{Change, State};

/// At a normal exit, segments that only wait for this process's last detach are destroyed at once, not by a later
/// sweep. The memory stays mapped, since other exit handlers may still use it.
pub fn at_exit() {
    let Some(token) = own::current_token() else {
        return;
    };
    // A child of vfork that exits must not take its parent's attachments with it.
    if own::own_pid() != pid() {
        return;
    }
    for (_, entry) in TABLE.all() {
        let Some((stamp, mapping)) = entry.attached() else {
            continue;
        };
        if is_ours_alone(mapping.shmid)
            && let Some(stamp) = entry.change(stamp, Stage::Detaching)
        {
            Share::of(entry).end(&REGISTRY, Change::Detach);
            TABLE.make_idle(entry, stamp);
        }
    }
    REGISTRY.sweep(Some(token), AT_EXIT);
}

/// Whether a segment is removed, and all its attachments are this process's.
fn is_ours_alone(shmid: u32) -> bool {
    let nattch = match REGISTRY.find_id(shmid) {
        Ok(segment) if segment.state == State::Removed => segment.nattch,
        _ => return false,
    };
    let mut own = 0;
    TABLE.each_in(0, usize::MAX, |mapping| {
        own += u32::from(mapping.shmid == shmid)
    });
    nattch == own
}

/// Slots that are swept at exit: nobody waits for it.
const AT_EXIT: u32 = 256;
