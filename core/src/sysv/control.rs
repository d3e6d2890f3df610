//! shmctl(2): look at a segment, change it, remove it.

use super::permission::{self, Caller, Current, READ, Status};
use crate::error::{Errno, Result};
use crate::os::identity::Capability;
use crate::os::{clock, limits, memory};
use crate::process::{self, Session};
use crate::registry::{
    A_FEW, MAX_SEGMENTS, Prober, Registry, SHM_LOCKED, Segment, State, Uncounted, slot_of,
};

/// What `IPC_SET` takes from the caller's buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are those of struct ipc_perm")]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
}

/// `IPC_STAT`.
///
/// # Errors
/// - `EINVAL` no such segment
/// - `EACCES` no permission to read
pub fn status(shmid: i32) -> Result<Status> {
    let shmid = id(shmid)?;
    let registry = process::registry()?;
    look(registry, slot_of(shmid), Some(shmid), true).inspect_err(|error| {
        if *error == Errno::EINVAL {
            process::sweep(registry);
        }
    })
}

/// `SHM_STAT` and `SHM_STAT_ANY`: by slot number, of which only fifteen bits count. The second does not ask for
/// permission.
///
/// # Errors
/// - `EINVAL` the slot has no segment
/// - `EACCES` no permission to read
pub fn status_at(index: i32, any: bool) -> Result<Status> {
    let index = id(index)? & (MAX_SEGMENTS - 1);
    look(process::registry()?, index, None, !any)
}

fn look(registry: &'static Registry, index: u32, shmid: Option<u32>, ask: bool) -> Result<Status> {
    let slot = registry.segment(index).ok_or(Errno::EINVAL)?;
    if registry.has_dead_owner(slot, process::current_token()) {
        process::reap(registry, index);
    }
    for _ in 0..TRIES {
        let Some((version, mut segment)) = slot.read() else {
            continue;
        };
        if segment.state != State::Live || shmid.is_some_and(|shmid| segment.shmid != shmid) {
            return Err(Errno::EINVAL);
        }
        if ask {
            permission::check(&segment, READ, &Current)?;
        }
        if segment.nattch == 0 && !segment.is_removed() {
            return Ok(Status::from(&segment));
        }
        let me = process::current_token();
        let prober = &mut Prober::new(registry, me);
        let count = match registry.count(slot, version, &segment, prober) {
            Ok(count) => count,
            Err(Uncounted::Changed) => continue,
            Err(Uncounted::Damaged) => break,
        };
        if count.has_dead {
            // The dead are taken off for good, unless somebody who holds the lock stands still: then only in this answer.
            if let Some(reaped) = process::reap(registry, index) {
                segment = reaped;
            } else {
                segment.nattch = count.nattch;
                segment.dtime = clock::now();
                segment.lpid = count.dead_pid;
            }
        } else {
            segment.nattch = count.nattch;
        }
        if segment.state != State::Live || (segment.is_removed() && segment.nattch == 0) {
            process::sweep(registry);
            return Err(Errno::EINVAL);
        }
        return Ok(Status::from(&segment));
    }
    locked_look(index, shmid)
}

const TRIES: u32 = 64;

/// Where others change the segment all the time, its lock lets us look in peace.
fn locked_look(index: u32, shmid: Option<u32>) -> Result<Status> {
    let session = Session::begin()?;
    let slot = session.registry.lock_slot(index, session.me)?;
    let segment = slot.reap(&mut Prober::new(session.registry, Some(session.me)));
    if segment.state != State::Live || shmid.is_some_and(|shmid| segment.shmid != shmid) {
        return Err(Errno::EINVAL);
    }
    Ok(Status::from(&segment))
}

fn id(shmid: i32) -> Result<u32> {
    u32::try_from(shmid).map_err(|_| Errno::EINVAL)
}

/// `IPC_SET`.
///
/// # Errors
/// - `EINVAL` no such segment, or a uid or gid of -1
/// - `EPERM` neither owner nor creator, nor privileged
/// - `EMFILE`, `ENFILE`, `ENOMEM`, `ENOSPC` the rights of the segment's file cannot be changed now
pub fn change_owner(shmid: i32, owner: Owner) -> Result<()> {
    change(id(shmid)?, |before| {
        permission::check_control(before, &Current)?;
        if owner.uid == u32::MAX || owner.gid == u32::MAX {
            return Err(Errno::EINVAL);
        }
        Ok(Segment {
            uid: owner.uid,
            gid: owner.gid,
            mode: before.mode & !0o777 | owner.mode & 0o777,
            ctime: clock::now(),
            ..*before
        })
    })
}

/// `SHM_LOCK` and `SHM_UNLOCK`. The mode shows it, and pages stay in memory from when they are first touched, as long
/// as the segment is attached by a process that did this or attached later.
///
/// # Errors
/// - `EINVAL` no such segment
/// - `EPERM` neither owner nor creator, nor privileged; or to lock with `RLIMIT_MEMLOCK` 0
/// - `ENOMEM` over `RLIMIT_MEMLOCK`
pub fn set_locked(shmid: i32, locked: bool) -> Result<()> {
    let shmid = id(shmid)?;
    change(shmid, |before| {
        if !Current.has(Capability::IpcLock) {
            if !permission::is_owner(before, &Current) {
                return Err(Errno::EPERM);
            }
            if locked {
                check_lock_limit(before)?;
            }
        }
        // Huge pages are never swapped: the kernel says yes and leaves the mode alone.
        let mode = if before.huge_page().is_some() {
            before.mode
        } else if locked {
            before.mode | SHM_LOCKED
        } else {
            before.mode & !SHM_LOCKED
        };
        Ok(Segment { mode, ..*before })
    })?;
    let mut session = Session::begin()?;
    for fragment in session
        .attachments()
        .all()
        .iter()
        .filter(|fragment| fragment.shmid == shmid)
    {
        let _ = if locked {
            memory::lock_on_fault(fragment.start, fragment.len)
        } else {
            memory::unlock(fragment.start, fragment.len)
        };
    }
    Ok(())
}

fn check_lock_limit(segment: &Segment) -> Result<()> {
    match limits::locked_memory() {
        0 => Err(Errno::EPERM),
        limit
            if segment.huge_page().is_none()
                && segment.mode & SHM_LOCKED == 0
                && segment.bytes().is_none_or(|bytes| bytes as u64 > limit) =>
        {
            Err(Errno::ENOMEM)
        }
        _ => Ok(()),
    }
}

fn change(shmid: u32, decide: impl FnOnce(&Segment) -> Result<Segment>) -> Result<()> {
    let session = Session::begin()?;
    let (slot, before) = session.lock_live(shmid)?;
    let now = decide(&before)?;
    // The registry first: who recovers after a death in between gives the file what the registry says.
    slot.write(&now);
    session
        .registry
        .update_file(&before, &now)
        .inspect_err(|_| slot.write(&before))
}

/// `IPC_RMID`: frees the key; the segment goes with its last attachment, or at once when there is none.
///
/// # Errors
/// - `EINVAL` no such segment
/// - `EPERM` neither owner nor creator, nor privileged
pub fn remove(shmid: i32) -> Result<()> {
    let shmid = id(shmid)?;
    process::check_id(shmid)?;
    let session = Session::begin()?;
    let registry = session.registry;
    reap_first(&session, shmid)?;
    let namespace = registry.lock(session.me)?;
    let slot = registry.lock_id(shmid, session.me)?;
    let mut segment = slot.read();
    if !segment.is_live(shmid) {
        drop(slot);
        drop(namespace);
        registry.sweep(session.me, A_FEW);
        return Err(Errno::EINVAL);
    }
    permission::check_control(&segment, &Current)?;
    if segment.nattch == 0 && slot.has_records() {
        // Before memory goes, the records have the last word, not the count.
        segment = slot.reap(&mut Prober::new(registry, Some(session.me)));
    }
    let was_waiting = segment.is_removed();
    if segment.nattch > 0 {
        namespace.mark_removed(&slot, &mut segment);
        return Ok(());
    }
    namespace.doom(&slot, &mut segment);
    drop(slot);
    drop(namespace);
    registry.finish_destruction(&segment, session.me)?;
    registry.sweep(session.me, A_FEW);
    // Removed before, and kept by the dead only: in the kernel it would have been gone by now.
    if was_waiting {
        Err(Errno::EINVAL)
    } else {
        Ok(())
    }
}

/// Asks which of those attached live, and takes the dead off, before the namespace's lock is held: asking takes a system
/// call for each, and others create and remove meanwhile.
fn reap_first(session: &Session, shmid: u32) -> Result<()> {
    let slot = session.registry.lock_id(shmid, session.me)?;
    if slot.has_records() {
        let _ = slot.reap(&mut Prober::new(session.registry, Some(session.me)));
    }
    Ok(())
}
