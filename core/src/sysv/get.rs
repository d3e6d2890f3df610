//! shmget(2): find a segment by its key, or make one. Tested by `c_tests/sysv`.

use super::huge;
use super::permission::{self, Current};
use crate::error::{Errno, Result};
use crate::log;
use crate::options::{DEFAULT_LIMITS, Limits};
use crate::os::{clock, futex, identity, memory};
use crate::process::{self, Creation, Member};
use crate::registry::{A_FEW, NO_RESERVE, Registry, Segment, Token, slot_of};
use crate::sync::AtomicU32;

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

/// How often another file number is tried if a file that is not ours has the name already.
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
        if let Some(segment) = process::registry()?.find_key(request.key)? {
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
        return Err(log::write_error(Errno::EINVAL, |line| {
            line.str("segment ")
                .number(segment.shmid.into())
                .str(" has ")
                .number(segment.size)
                .str(" bytes, and ")
                .number(request.size as u64)
                .str(" were asked for")
        }));
    }
    permission::check(segment, permission::requested(request.shmflg), &Current)?;
    Ok(segment.shmid)
}

/// Errors that make a new segment impossible whatever the state of the namespace. `shmall` comes in between, as in the
/// kernel. Returns the segment's flags for huge pages.
fn check_size(request: &GetRequest, limits: &Limits, pages_used: u64) -> Result<u32> {
    let size = request.size as u64;
    if size == 0 || size > limits.shmmax {
        return Err(log::write_error(Errno::EINVAL, |line| {
            line.str("a segment of ")
                .number(size)
                .str(" bytes: at least 1 and at most shmmax, ")
                .number(limits.shmmax)
                .str(", is possible")
        }));
    }
    let page = memory::page_size() as u64;
    let pages = size.checked_add(page - 1).ok_or(Errno::ENOSPC)? / page;
    if pages_used
        .checked_add(pages)
        .is_none_or(|total| total > limits.shmall)
    {
        return Err(Errno::ENOSPC);
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
    registry.used() >= limits.shmmni
        || limits.shmall < DEFAULT_LIMITS.shmall
            && registry
                .totals()
                .1
                .saturating_add(size as u64 / memory::page_size() as u64 + 1)
                > limits.shmall
}

/// Sweeps the namespace; returns whether that has ended a segment.
#[cold]
#[inline(never)]
fn has_gained(registry: &'static Registry) -> bool {
    let before = registry.used();
    process::sweep(registry);
    registry.used() < before
}

#[inline(never)]
fn create(request: &GetRequest) -> Result<u32> {
    // The size is checked before anything is made or joined.
    let registry = process::registry()?;
    if is_full(registry, request.size) {
        // In the kernel, a segment that only the dead keep does not count.
        process::sweep(registry);
    }
    let limits = registry.limits();
    let pages = if limits.shmall < DEFAULT_LIMITS.shmall {
        registry.totals().1
    } else {
        0
    };
    let huge_flags = match check_size(request, &limits, pages) {
        Err(Errno::ENOSPC) => return made_by_others(registry, None, request, Errno::ENOSPC),
        other => other?,
    };
    let member = process::member()?;
    process::settle();
    registry.sweep(Some(member.token), A_FEW);
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
        cpid: member.pid,
        flags: huge_flags
            | if request.shmflg & NORESERVE != 0 {
                NO_RESERVE
            } else {
                0
            },
        ..Segment::default()
    };
    let creation = Creation::begin(process::frame())?;
    for _ in 0..NAME_TRIES {
        match make(&member, &creation, wanted, request) {
            Err(Errno::EAGAIN) => continue,
            // In the kernel, the room that only the dead keep is free.
            Err(Errno::ENOMEM | Errno::ENOSPC) if has_gained(registry) => continue,
            other => return other,
        }
    }
    Err(Errno::ENOSPC)
}

/// One try. `EAGAIN` if the name of the file was taken, or if the segment that had the key is gone again.
#[inline(never)]
fn make(
    member: &Member,
    creation: &Creation,
    wanted: Segment,
    request: &GetRequest,
) -> Result<u32> {
    let Member {
        registry, token, ..
    } = *member;
    if request.key != 0
        && let Some(segment) = registry.find_key(request.key)?
    {
        return existing(&segment, request);
    }
    let segment = match registry.reserve_segment(wanted, token, &mut |slot| creation.note(slot)) {
        Ok(segment) => segment,
        Err(error) => return made_by_others(registry, Some(token), request, error),
    };
    let made = registry.make_file(&segment);
    let published = made.and_then(|()| {
        registry.publish(&segment, token).inspect_err(|_| {
            let _ = registry.remove_file(&segment);
        })
    });
    let Err(error) = published else {
        return Ok(segment.shmid);
    };
    registry.abandon(slot_of(segment.shmid), token)?;
    // A file that is not ours has the name; or another process made a segment with this key first.
    Err(if error == Errno::EEXIST {
        Errno::EAGAIN
    } else {
        error
    })
}

/// How long to wait for other processes that make segments, one of which may have the very key. They may be stopped.
const MAKING_MS: u64 = 2000;

/// There is no room for one more. Another process may have taken the last of it for a segment with the very key.
#[cold]
#[inline(never)]
fn made_by_others(
    registry: &Registry,
    me: Option<Token>,
    request: &GetRequest,
    error: Errno,
) -> Result<u32> {
    if request.key == 0 {
        return Err(explain(registry, error));
    }
    let start = clock::monotonic_ms();
    loop {
        let is_being_made = registry.is_any_being_made(me);
        if let Some(segment) = registry.find_key(request.key)? {
            return existing(&segment, request);
        }
        if !is_being_made || clock::monotonic_ms().saturating_sub(start) > MAKING_MS {
            break;
        }
        let _ = futex::wait(&AtomicU32::new(0), 0, 1);
    }
    Err(explain(registry, error))
}

#[cold]
fn explain(registry: &Registry, error: Errno) -> Errno {
    if error != Errno::ENOSPC {
        return error;
    }
    log::write_error(error, |line| {
        let limits = registry.limits();
        line.str("the namespace has ")
            .number(registry.used().into())
            .str(" segments of at most ")
            .number(limits.shmmni.into())
            .str(", and at most ")
            .number(limits.shmall)
            .str(" pages")
    })
}
