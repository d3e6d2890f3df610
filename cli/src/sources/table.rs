//! The kernel's table of System V segments, `/proc/sysvipc/shm`. It shows the IPC namespace of who opens it.

use crate::model::{Owner, Segment};
use std::fs;
use std::io;

pub(super) const PATH: &str = "/proc/sysvipc/shm";

/// The same file. Under `partage run` whoever opens it by the usual name gets the table of our segments, and a
/// segment of the kernel's would be taken for one of ours.
const NOT_OURS: &str = "/proc/./sysvipc/shm";

/// The segments in the IPC namespace of the calling thread, without their holders.
pub(super) fn read() -> io::Result<Vec<Segment>> {
    let table = fs::read_to_string(NOT_OURS)?;
    Ok(table.lines().skip(1).filter_map(parse).collect())
}

/// The table alone, without a look at any process; `None` where there is none.
pub(crate) fn kernel_table() -> Option<Vec<Segment>> {
    read().ok()
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
