//! The kernel's System V segments in other IPC namespaces: those too that no process has mapped, which only
//! the table of their namespace has.

use super::{process, table};
use crate::model::Segment;
use nix::sched::{CloneFlags, setns};
use std::collections::BTreeMap;
use std::fs::File;
use std::thread;

/// An IPC namespace in which a process lives.
pub(super) struct Apart {
    /// As lsns(8) numbers it.
    pub(super) ipc: u64,
    /// The container that a process in it is in, where there is one.
    pub(super) container: Option<String>,
    pub(super) segments: Vec<Segment>,
}

/// The namespaces with their segments, but for the namespace `except`, as far as this user may enter them.
pub(super) fn all(except: u64) -> Vec<Apart> {
    let mut places: BTreeMap<u64, Vec<(i32, String)>> = BTreeMap::new();
    for pid in process::all() {
        let Some(who) = process::teller(pid) else {
            continue;
        };
        if let Some(ipc) = process::namespace(&who, "ipc").filter(|ipc| *ipc != except) {
            places.entry(ipc).or_default().push((pid, who));
        }
    }
    let found = places.into_iter().filter_map(|(ipc, members)| {
        // Whoever has ended meanwhile tells nothing: another may.
        let segments = members.iter().find_map(|(_, who)| segments_of(who, ipc))?;
        let container = members.iter().find_map(|(pid, _)| process::container(*pid));
        Some(Apart {
            ipc,
            container,
            segments,
        })
    });
    found.collect()
}

/// The table of the namespace `ipc`, in which `who` is. A thread goes there: it alone changes its namespace, and ends.
fn segments_of(who: &str, ipc: u64) -> Option<Vec<Segment>> {
    if process::namespace("self", "ipc") == Some(ipc) {
        return table::read().ok();
    }
    let place = File::open(format!("/proc/{who}/ns/ipc")).ok()?;
    let visitor = thread::Builder::new().spawn(move || {
        setns(place, CloneFlags::CLONE_NEWIPC).ok()?;
        // A number of a process may have gone to another one.
        let is_there = process::namespace("thread-self", "ipc") == Some(ipc);
        is_there.then(|| table::read().ok()).flatten()
    });
    visitor.ok()?.join().ok()?
}
