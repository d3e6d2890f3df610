//! The kernel's own System V segments, from `/proc/sysvipc/shm`.

use super::holders::{FileId, Scan, Wanted};
use super::{Extent, objects, process};
use crate::failure::Failure;
use crate::model::{Limits, Owner, Process, Segment, Snapshot};
use std::fs;
use std::path::Path;

const TABLE: &str = "/proc/sysvipc/shm";

/// The kernel's segments in this process's IPC namespace, and the objects in `/dev/shm`.
pub(crate) fn snapshot(extent: Extent) -> Result<Snapshot, Failure> {
    let table = fs::read_to_string(TABLE).map_err(|why| {
        Failure::io(format_args!("cannot read {TABLE}"), why)
            .advise("this kernel may have no System V shared memory: see `partage doctor`")
    })?;
    let scan = Scan::of_all();
    let ipc = process::namespace("self", "ipc").unwrap_or(0);
    let segments = table.lines().skip(1).filter_map(parse);
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
    })
}

/// The table alone, without a look at any process; `None` where there is none.
pub(crate) fn table() -> Option<Vec<Segment>> {
    let table = fs::read_to_string(TABLE).ok()?;
    Some(table.lines().skip(1).filter_map(parse).collect())
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

/// One line: key, id, octal mode, size, cpid, lpid, nattch, uid, gid, cuid, cgid, atime, dtime,
/// ctime, rss, swap.
fn parse(line: &str) -> Option<Segment> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let small = |index: usize| fields.get(index)?.parse::<i32>().ok();
    let large = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let id_of = |index: usize| fields.get(index)?.parse::<u32>().ok();
    let time = |index: usize| fields.get(index)?.parse::<i64>().ok();
    Some(Segment {
        key: small(0)?,
        id: small(1)?,
        mode: u32::from_str_radix(fields.get(2)?, 8).ok()?,
        size: large(3)?,
        cpid: small(4)?,
        lpid: small(5)?,
        nattch: large(6)?,
        owner: Owner {
            uid: id_of(7)?,
            gid: id_of(8)?,
        },
        cuid: id_of(9)?,
        cgid: id_of(10)?,
        atime: time(11)?,
        dtime: time(12)?,
        ctime: time(13)?,
        resident: large(14),
        creator: None,
        last_user: None,
        file: None,
        attached: Vec::new(),
        unseen: 0,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_the_table() {
        let line = "-559038737 1769472  1600                  100 10 11      2  1000   100  1001   101 \
            1700000001 1700000002 1700000003                  4096                     0";
        let segment = parse(line).unwrap();
        assert_eq!(
            (segment.key, segment.id, segment.mode),
            (-559_038_737, 1_769_472, 0o1600)
        );
        assert_eq!(
            (segment.size, segment.nattch, segment.cpid, segment.lpid),
            (100, 2, 10, 11)
        );
        assert_eq!(
            (segment.owner, segment.cuid),
            (
                Owner {
                    uid: 1000,
                    gid: 100
                },
                1001
            )
        );
        assert_eq!(
            (segment.atime, segment.resident),
            (1_700_000_001, Some(4096))
        );
        assert!(segment.is_removed());
        assert!(parse("key shmid").is_none());
    }
}
