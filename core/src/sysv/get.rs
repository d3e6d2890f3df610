//! shmget(2): find a segment by its key, or make one.

use super::huge;
use super::permission::{self, Current};
use crate::error::{Errno, Result};
use crate::log;
use crate::options::Limits;
use crate::os::{clock, identity, memory};
use crate::process::{self, Session};
use crate::registry::{A_FEW, NO_RESERVE, Registry, Segment};

/// The arguments of shmget(2).
#[derive(Clone, Copy, Debug)]
pub struct GetRequest {
    /// 0 is `IPC_PRIVATE`.
    pub key: i32,
    /// In bytes.
    pub size: usize,
    /// `IPC_CREAT`, `IPC_EXCL`, `SHM_HUGETLB`, `SHM_NORESERVE`, permission bits.
    pub shmflg: i32,
}

const CREATE: i32 = libc::IPC_CREAT;
const EXCLUSIVE: i32 = libc::IPC_CREAT | libc::IPC_EXCL;
/// `SHM_NORESERVE`.
const NORESERVE: i32 = 0o10000;
const LARGEST: u64 = i64::MAX as u64;

/// How often another file number is tried where a file that is not ours has the name already.
const NAME_TRIES: u32 = 64;

/// Finds or makes a segment; returns its id.
///
/// # Errors
/// - `ENOENT` no segment has the key, and `IPC_CREAT` is not given
/// - `EEXIST` one has, and `IPC_CREAT | IPC_EXCL` is given
/// - `EACCES` the permission bits asked for are not granted
/// - `EINVAL` size 0, above `shmmax`, or above the existing segment's
/// - `ENOSPC` `shmall` or `shmmni` is reached, or the file system's inodes or `RLIMIT_FSIZE` are
/// - `ENOMEM` the file system cannot hold it, or there are not enough huge pages
/// - `EPERM` huge pages were asked for without the right to them
/// - what opening the namespace says, see [`crate::registry`]
pub fn get(request: &GetRequest) -> Result<u32> {
    if request.key != 0 {
        if let Some(segment) = process::registry()?.find_key(request.key) {
            return existing(&segment, request);
        }
        if request.shmflg & CREATE == 0 {
            return Err(Errno::ENOENT);
        }
    }
    create(request)
}

fn existing(segment: &Segment, request: &GetRequest) -> Result<u32> {
    if request.shmflg & EXCLUSIVE == EXCLUSIVE {
        return Err(Errno::EEXIST);
    }
    if request.size as u64 > segment.size {
        return Err(Errno::EINVAL);
    }
    permission::check(segment, permission::requested(request.shmflg), &Current)?;
    Ok(segment.shmid)
}

/// What makes a new segment impossible whatever the state of the namespace; `shmall` comes in between, as in the
/// kernel. Returns the segment's flags for huge pages.
fn check_size(request: &GetRequest, limits: &Limits, pages_used: u64) -> Result<u32> {
    let size = request.size as u64;
    if size == 0 || size > limits.shmmax {
        return Err(Errno::EINVAL);
    }
    let page = memory::page_size() as u64;
    let pages = size.checked_add(page - 1).ok_or(Errno::ENOSPC)? / page;
    if pages_used
        .checked_add(pages)
        .is_none_or(|total| total > limits.shmall)
    {
        return Err(log::refuse(Errno::ENOSPC, |line| {
            line.number(pages)
                .str(" pages more would exceed the namespace's shmall of ")
                .number(limits.shmall)
        }));
    }
    if request.shmflg & huge::HUGETLB != 0 {
        return huge::flags(request.shmflg, &Current);
    }
    if size > LARGEST {
        Err(Errno::EINVAL)
    } else {
        Ok(0)
    }
}

/// Whether a limit of the namespace seems to be reached.
fn is_full(registry: &Registry, size: usize) -> bool {
    let limits = registry.limits();
    let (used, pages) = registry.totals();
    let wanted = size as u64 / memory::page_size() as u64 + 1;
    used >= limits.shmmni || pages.saturating_add(wanted) > limits.shmall
}

fn create(request: &GetRequest) -> Result<u32> {
    // The size is judged before anything is made or joined.
    let registry = process::registry()?;
    if is_full(registry, request.size) {
        // What only the dead keep does not count in the kernel.
        process::sweep(registry);
    }
    let huge_flags = check_size(request, &registry.limits(), registry.totals().1)?;
    let session = Session::begin()?;
    session.registry.sweep(session.me, A_FEW);
    let (uid, gid) = (identity::euid(), identity::egid());
    let wanted = Segment {
        key: request.key,
        mode: request.shmflg as u32 & 0o777,
        uid,
        gid,
        cuid: uid,
        cgid: gid,
        size: request.size as u64,
        ctime: clock::now(),
        cpid: session.pid,
        flags: huge_flags
            | if request.shmflg & NORESERVE != 0 {
                NO_RESERVE
            } else {
                0
            },
        ..Segment::default()
    };
    session.registry.check_room(&wanted)?;
    for _ in 0..NAME_TRIES {
        match make(&session, wanted, request) {
            Err(Errno::EAGAIN) => continue,
            other => return other,
        }
    }
    Err(Errno::ENOSPC)
}

/// One try; `EAGAIN` when the number of the file was taken.
fn make(session: &Session, wanted: Segment, request: &GetRequest) -> Result<u32> {
    let registry = session.registry;
    let namespace = registry.lock(session.me)?;
    if let Some(segment) = (request.key != 0)
        .then(|| registry.find_key(request.key))
        .flatten()
    {
        drop(namespace);
        return existing(&segment, request);
    }
    let reservation = namespace.reserve(wanted).map_err(|error| {
        log::refuse(error, |line| {
            line.str("the namespace has ")
                .number(registry.totals().0.into())
                .str(" segments of at most ")
                .number(registry.limits().shmmni.into())
        })
    })?;
    drop(namespace);

    let segment = reservation.segment;
    let made = session
        .signals()
        .ok_or(Errno::EINVAL)
        .and_then(|signals| registry.make_file(&segment, signals));

    let namespace = registry.lock(session.me)?;
    // While no lock was held, somebody else may have made one with this key: theirs was first.
    let theirs = (request.key != 0)
        .then(|| registry.find_key(request.key))
        .flatten();
    if made.is_ok() && theirs.is_none() {
        namespace.publish(&segment)?;
        return Ok(segment.shmid);
    }
    if made.is_ok() {
        let _ = registry.remove_file(&segment);
    }
    namespace.cancel(&reservation)?;
    drop(namespace);
    match (made, theirs) {
        (Err(Errno::EEXIST), _) => Err(Errno::EAGAIN),
        (Err(error), _) => Err(error),
        (Ok(()), Some(segment)) => existing(&segment, request),
        (Ok(()), None) => Ok(segment.shmid),
    }
}
