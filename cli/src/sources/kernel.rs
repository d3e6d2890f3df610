//! The kernel's own System V segments, from `/proc/sysvipc/shm`.

use super::maps::{self, FileId, Mappings};
use super::objects;
use crate::failure::Failure;
use crate::model::{Limits, Owner, Segment, Snapshot};
use std::fs;
use std::path::Path;

const TABLE: &str = "/proc/sysvipc/shm";

/// The kernel's segments in this process's IPC namespace, and the objects in `/dev/shm`.
pub(crate) fn snapshot() -> Result<Snapshot, Failure> {
    let table = fs::read_to_string(TABLE).map_err(|why| {
        Failure::io(format_args!("cannot read {TABLE}"), why)
            .advise("this kernel may have no System V shared memory: see `partage doctor`")
    })?;
    let mut segments: Vec<Segment> = table.lines().skip(1).filter_map(parse).collect();
    if segments.iter().any(|segment| segment.nattch > 0) {
        let mut mappings = maps::shared_mappings(same_namespace);
        for segment in &mut segments {
            segment.attached = take(&mut mappings, segment.id);
        }
    }
    let shm = Path::new("/dev/shm");
    let objects = objects::read(shm).map_err(|why| Failure::io("cannot list /dev/shm", why))?;
    Ok(Snapshot {
        directory: None,
        limits: limits(),
        segments,
        objects,
    })
}

/// Mappings of a segment show its id as their inode, on a device without a number of its own.
fn take(mappings: &mut Mappings, id: i32) -> Vec<crate::model::Attachment> {
    let device = libc::makedev(0, 1);
    let file = u64::try_from(id).ok().map(|inode| FileId { device, inode });
    file.and_then(|file| mappings.remove(&file))
        .unwrap_or_default()
}

/// Ids mean something only within one IPC namespace.
fn same_namespace(pid: i32) -> bool {
    let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/ipc")).ok();
    of(&pid.to_string()) == of("self")
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
        file: None,
        attached: Vec::new(),
    })
}

fn limits() -> Option<Limits> {
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
