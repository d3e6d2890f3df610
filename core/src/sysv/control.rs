//! shmctl(2): look at a segment, change it, remove it. Tested by `c_tests/sysv`.

use super::explain;
use super::permission::{self, Caller, Current, READ, Status};
use crate::error::{Errno, Result};
use crate::log;
use crate::options;
use crate::os::identity::Capability;
use crate::os::signals::Blocked;
use crate::os::{clock, futex, limits, memory};
use crate::process::{self, TABLE};
use crate::registry::{MAX_SEGMENTS, Registry, SHM_LOCKED, Segment, SlotRef, State, slot_of};
use crate::sync::AtomicU32;

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
#[inline(never)]
pub fn status(shmid: i32) -> Result<Status> {
    let shmid = id(shmid)?;
    let registry = process::registry()?;
    // Before anything deeper: how deep this is tells whether another call was jumped out of.
    process::settle_thoroughly(Some(slot_of(shmid)));
    look(registry, slot_of(shmid), Some(shmid), true)
}

/// `SHM_STAT` and `SHM_STAT_ANY`: by slot number, of which only fifteen bits count. The second does not ask for
/// permission.
///
/// # Errors
/// - `EINVAL` the slot has no segment
/// - `EACCES` no permission to read
#[inline(never)]
pub fn status_at(index: i32, any: bool) -> Result<Status> {
    let index = id(index)? & (MAX_SEGMENTS - 1);
    let registry = process::registry()?;
    process::settle_thoroughly(Some(index));
    look(registry, index, None, !any)
}

/// How often the dead are counted off until nobody has come or gone meanwhile.
const LOOKS: u32 = 8;

/// Counts off what the dead held, and tells what is left. If nobody has come or gone since it began to ask who lives, the
/// count was right when it began; else somebody may have come, and died, behind the question.
#[inline(never)]
fn look(registry: &'static Registry, index: u32, shmid: Option<u32>, ask: bool) -> Result<Status> {
    let slot = registry.slot(index)?;
    let mut segment = read(slot, shmid).ok_or_else(|| missing(registry, shmid))?;
    if ask {
        permission::check(&segment, READ, &Current)?;
    }
    if segment.nattch != 0 || segment.is_removed() {
        for _ in 0..LOOKS {
            let before = slot.word_now();
            registry.reap(segment.shmid, process::current_token())?;
            segment = read(slot, Some(segment.shmid)).ok_or_else(|| missing(registry, shmid))?;
            if slot.word_now() == before {
                break;
            }
        }
    }
    Ok(Status::of(&segment, &slot.stamps()))
}

/// The segment in a slot; one that waits for its last detach is there only as long as somebody is attached.
fn read(slot: SlotRef<'_>, shmid: Option<u32>) -> Option<Segment> {
    slot.read().filter(|segment| {
        matches!(segment.state, State::Live | State::Removed)
            && shmid.is_none_or(|shmid| segment.shmid == shmid)
    })
}

/// What to say of a segment that is gone. The namespace is swept as in [`process::find_id`].
#[cold]
#[inline(never)]
fn missing(registry: &'static Registry, shmid: Option<u32>) -> Errno {
    shmid.map_or(Errno::EINVAL, |shmid| {
        process::sweep(registry);
        explain::no_segment(shmid as i32)
    })
}

fn id(shmid: i32) -> Result<u32> {
    u32::try_from(shmid).map_err(|_| explain::no_segment(shmid))
}

/// `IPC_SET`.
///
/// # Errors
/// - `EINVAL` no such segment, or a uid or gid of -1
/// - `EPERM` neither owner nor creator, nor privileged
/// - `EMFILE`, `ENFILE`, `ENOMEM`, `ENOSPC` the rights of the segment's file cannot be changed now
#[inline(never)]
pub fn change_owner(shmid: i32, owner: Owner) -> Result<()> {
    change(id(shmid)?, &mut |before| {
        permission::check_control(before, &Current)?;
        if owner.uid == u32::MAX || owner.gid == u32::MAX {
            return Err(explain::bad_argument("IPC_SET: -1 is no user and no group"));
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
#[inline(never)]
pub fn set_locked(shmid: i32, locked: bool) -> Result<()> {
    let shmid = id(shmid)?;
    change(shmid, &mut |before| {
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
    TABLE.each_of(shmid, |mapping| {
        let _ = if locked {
            memory::lock_on_fault(mapping.start, mapping.len)
        } else {
            memory::munlock(mapping.start, mapping.len)
        };
    });
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

/// How long a wait for another who changes the same segment sleeps, in milliseconds.
const SLEEP_MS: u32 = 1;

/// Changes the facts of a segment, one process at a time.
#[inline(never)]
fn change(shmid: u32, decide: &mut dyn FnMut(&Segment) -> Result<Segment>) -> Result<()> {
    let member = process::member()?;
    let registry = member.registry;
    let found = process::find_id(registry, shmid).map_err(explain::unknown(shmid))?;
    if found.is_removed() {
        registry.check_held(shmid, Some(member.token))?;
    }
    // A handler that never comes back must not leave the slot claimed.
    let _signals = Blocked::new();
    let start = clock::monotonic_ms();
    while !registry.claim_for_change(shmid, member.token) {
        if clock::monotonic_ms().saturating_sub(start) > options::patience_ms() {
            return Err(log::write_error(Errno::EDEADLK, |line| {
                line.str("another process is in the middle of a change of segment ")
                    .number(shmid.into())
                    .str(": is it stopped?")
            }));
        }
        let _ = futex::wait(&AtomicU32::new(0), 0, SLEEP_MS);
    }
    let changed = registry.find_id(shmid).and_then(|before| {
        let now = decide(&before)?;
        let slot = registry.slot_for(shmid)?;
        let facts = slot.facts_of(&before);
        slot.write_facts(&slot.facts_of(&now));
        registry
            .update_file(&before, &now)
            .inspect_err(|_| slot.write_facts(&facts))
    });
    registry.unclaim(slot_of(shmid), member.token);
    changed
}

/// `IPC_RMID`: frees the key; the segment goes with its last attachment, or at once when there is none.
///
/// # Errors
/// - `EINVAL` no such segment
/// - `EPERM` neither owner nor creator, nor privileged
#[inline(never)]
pub fn remove(shmid: i32) -> Result<()> {
    let shmid = id(shmid)?;
    let registry = process::registry()?;
    process::settle_thoroughly(Some(slot_of(shmid)));
    let mut segment = process::find_id(registry, shmid).map_err(explain::unknown(shmid))?;
    let me = process::current_token();
    if segment.nattch != 0 {
        registry.reap(shmid, me)?;
        // Removed before, and kept by the dead only: in the kernel it would have been gone by now.
        segment = registry.find_id(shmid)?;
    }
    permission::check_control(&segment, &Current)?;
    if segment.nattch == 0 {
        process::drop_kept(shmid);
    }
    registry.remove(&segment, me)?;
    registry.sweep(me, crate::registry::A_FEW);
    Ok(())
}
