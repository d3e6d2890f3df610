//! The kernel's own System V segments in this IPC namespace, and who holds them.

use super::holders::{FileId, Scan, Wanted};
use super::{Extent, objects, process, table};
use crate::failure::Failure;
use crate::model::{Limits, Process, Segment, Snapshot};
use std::fs;
use std::path::Path;

/// The kernel's segments in this process's IPC namespace, and the objects in `/dev/shm`.
pub(crate) fn snapshot(extent: Extent) -> Result<Snapshot, Failure> {
    let segments = table::read().map_err(|why| {
        Failure::io(format_args!("cannot read {}", table::PATH), why)
            .advise("this kernel may have no System V shared memory: see `partage doctor`")
    })?;
    let scan = Scan::of_all();
    let ipc = process::namespace("self", "ipc").unwrap_or(0);
    let segments = segments.into_iter();
    let segments = segments.map(|segment| with_holders(segment, &scan, ipc));
    let segments = segments.collect();
    let directory = Path::new("/dev/shm");
    let objects = objects::read(directory, &scan);
    Ok(Snapshot {
        directory: None,
        limits: limits(),
        segments,
        objects: objects.map_err(|why| Failure::io("cannot list /dev/shm", why))?,
        nameless: scan.nameless(match extent {
            Extent::All => Wanted::All { ipc },
            Extent::Namespace => Wanted::Of {
                directory,
                whole: true,
            },
        }),
        unseen_processes: scan.unseen,
        lists_all: process::all_are_listed(),
    })
}

/// Ids mean something only within one IPC namespace.
fn with_holders(segment: Segment, scan: &Scan, ipc: u64) -> Segment {
    let file = FileId::of_segment(segment.id, ipc);
    let attached = file.map(|file| scan.holders(file)).unwrap_or_default();
    let seen: u64 = attached.iter().map(|hold| u64::from(hold.mappings)).sum();
    Segment {
        creator: named(segment.cpid, segment.ctime),
        last_user: named(segment.lpid, segment.atime.max(segment.dtime)),
        unseen: segment.nattch.saturating_sub(seen),
        attached,
        ..segment
    }
}

/// The kernel tells the numbers as they are seen from here; whoever was started later has it anew.
fn named(pid: i32, moment: i64) -> Option<Process> {
    (pid > 0 && process::was_there(pid, moment)).then(|| Process {
        pid,
        command: process::command_of(pid),
    })
}

/// What the sysctls say.
pub(crate) fn limits() -> Option<Limits> {
    let number = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    Some(Limits {
        shmmax: number("shmmax")?,
        shmall: number("shmall")?,
        shmmni: number("shmmni")?,
        rmid_forced: number("shm_rmid_forced")? == 1,
    })
}
