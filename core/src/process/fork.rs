//! Fork: a child is a member with attachments of its own from its first instant.
//!
//! Before the fork, a member slot, its lock and holdings are made for the child. After it the parent gives that lock
//! up, and the child keeps it. If there is no child, that member is dead like any other. Nothing is locked in between:
//! an attach of another thread also counts for the children that are being made, before it maps.
//!
//! `inherit` has the child's side. Tested by `c_tests/process`.

use super::own;
use super::registry::REGISTRY;
use super::stamp::Stage;
use super::table::TABLE;
use crate::error::Result;
use crate::log::{self, Level};
use crate::os::files::{self, File};
use crate::os::process::thread_mark;
use crate::os::signals::Blocked;
use crate::registry::{LivenessCache, Membership, SlotRef, Token};
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// A fork under way.
struct Fork {
    /// The thread that forks; 0 for a place that is free.
    thread: AtomicUsize,
    /// The child's token; 0 while nothing is to be counted for it.
    token: AtomicU64,
    page: AtomicUsize,
    is_pinned: AtomicU32,
    fd: AtomicI32,
    /// [`File::none_open_at`] before the fork, plus one; 0 where some thread had a file open.
    opened: AtomicU64,
}

/// Threads that fork at the same time.
const MOST: usize = 32;

static FORKS: [Fork; MOST] = [const {
    Fork {
        thread: AtomicUsize::new(0),
        token: AtomicU64::new(0),
        page: AtomicUsize::new(NO_PAGE),
        is_pinned: AtomicU32::new(0),
        fd: AtomicI32::new(-1),
        opened: AtomicU64::new(0),
    }
}; MOST];

const NO_PAGE: usize = usize::MAX;

/// Forks whose children are counted for.
static ACTIVE: AtomicU32 = AtomicU32::new(0);

impl Fork {
    fn membership(&self) -> Option<Membership> {
        Some(Membership {
            token: Token::from_bits(self.token.load(Ordering::Acquire))?,
            fd: self.fd.load(Ordering::Relaxed),
            is_pinned: self.is_pinned.load(Ordering::Relaxed) != 0,
        })
    }

    fn page(&self) -> Option<usize> {
        Some(self.page.load(Ordering::Relaxed)).filter(|&page| page != NO_PAGE)
    }

    fn begin(&self, membership: &Membership, page: Option<usize>) {
        self.page.store(page.unwrap_or(NO_PAGE), Ordering::Relaxed);
        self.fd.store(membership.fd, Ordering::Relaxed);
        self.is_pinned
            .store(membership.is_pinned.into(), Ordering::Relaxed);
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        self.token.store(membership.token.bits(), Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// From here on nothing counts for the child, and this process gives up its lock.
    fn end(&self) {
        if let Some(membership) = self.membership() {
            self.token.store(0, Ordering::SeqCst);
            ACTIVE.fetch_sub(1, Ordering::SeqCst);
            own::give_up_lock(&membership, self.page());
            REGISTRY.end_birth(membership.token);
        }
        self.thread.store(0, Ordering::Release);
    }
}

/// The fork that this thread is making.
fn mine() -> Option<&'static Fork> {
    let mark = thread_mark();
    FORKS
        .iter()
        .find(|fork| fork.thread.load(Ordering::Acquire) == mark)
}

/// Before the fork: makes all that a child may need, and counts it for the child.
pub(super) fn make_ready(token: Token) {
    let _signals = Blocked::new();
    // A fork that a handler jumped out of.
    if let Some(stale) = mine() {
        stale.end();
    }
    let free = FORKS.iter().find(|fork| {
        fork.thread
            .compare_exchange(0, thread_mark(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    });
    let Some(fork) = free else {
        return;
    };
    match make_member(token) {
        Ok((membership, page)) => {
            fork.begin(&membership, page);
            count_all(membership.token, token);
            let opened = File::none_open_at().map_or(0, |ever| u64::from(ever) + 1);
            fork.opened.store(opened, Ordering::Release);
        }
        Err(error) => {
            log::write(Level::Error, |line| {
                line.str("no liveness for a child: it is counted from its first call on: ")
                    .errno(error)
            });
            fork.end();
        }
    }
}

/// A member slot for a child, with a lock if one can be had now.
fn make_member(parent: Token) -> Result<(Membership, Option<usize>)> {
    let locked = own::claim_with_page(&REGISTRY, 0, parent.bits());
    if let Some(Err(error)) = locked {
        log::write(Level::Info, |line| {
            line.str("no lock for a child, its process is asked instead: ")
                .errno(error)
        });
    }
    match locked {
        Some(Ok((membership, page))) => Ok((membership, Some(page))),
        _ => claim_without_lock(parent),
    }
}

pub(super) fn claim_without_lock(parent: Token) -> Result<(Membership, Option<usize>)> {
    let token = REGISTRY.claim_without_lock(parent)?;
    let membership = Membership {
        token,
        fd: -1,
        is_pinned: false,
    };
    Ok((membership, None))
}

/// Counts every attachment of this process for a child, and every one that is being made.
fn count_all(child: Token, me: Token) {
    let mut liveness = LivenessCache::new(&REGISTRY, Some(me));
    for (_, entry) in TABLE.all() {
        let is_one = matches!(
            entry.stamp().stage(),
            Stage::Attaching
                | Stage::Publishing
                | Stage::Attached
                | Stage::TakenAttached
                | Stage::Detaching
        );
        if !is_one {
            continue;
        }
        let shmid = entry.shmid();
        let counted = REGISTRY
            .slot_for(shmid)
            .and_then(|slot| count_one(slot, shmid, child, own::own_pid(), &mut liveness));
        match counted {
            Ok((holding, _)) => entry.set_child(holding + 1),
            Err(error) => log::write(Level::Error, |line| {
                line.str("an attachment of segment ")
                    .number(shmid.into())
                    .str(" cannot be counted for a child: ")
                    .errno(error)
            }),
        }
    }
}

/// Counts one attachment for `member`: returns its holding, and the number to end it by. For the kernel, a fork is an
/// attach by the parent.
pub(super) fn count_one(
    slot: SlotRef<'static>,
    shmid: u32,
    member: Token,
    by: i32,
    liveness: &mut LivenessCache<'_>,
) -> Result<(u32, u64)> {
    let holding = slot.take(member, liveness)?;
    let number = slot.attach(shmid, holding, member, by)?;
    Ok((holding, number))
}

/// Counts an attach of this process for the children that are being made: they may inherit its mapping.
#[inline]
pub(super) fn count_for_children(
    slot: SlotRef<'static>,
    shmid: u32,
    by: i32,
    liveness: &mut LivenessCache<'_>,
) {
    fence(Ordering::SeqCst);
    if ACTIVE.load(Ordering::SeqCst) != 0 {
        count_for_each(slot, shmid, by, liveness);
    }
}

#[cold]
#[inline(never)]
fn count_for_each(slot: SlotRef<'static>, shmid: u32, by: i32, liveness: &mut LivenessCache<'_>) {
    for fork in &FORKS {
        if let Some(child) = Token::from_bits(fork.token.load(Ordering::SeqCst)) {
            let _ = count_one(slot, shmid, child, by, liveness);
        }
    }
}

/// After the fork, in the parent.
pub(super) fn end() {
    if ACTIVE.load(Ordering::Relaxed) != 0 || own::is_known() {
        let _signals = Blocked::new();
        if let Some(fork) = mine() {
            fork.end();
        }
    }
}

/// Whether the thread that forked has left something for its child.
pub(super) fn is_mine() -> bool {
    mine().is_some()
}

/// What a fork has made for the child that this process is.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) membership: Membership,
    pub(super) page: Option<usize>,
    /// No thread of the parent had a file open.
    pub(super) is_clean: bool,
}

/// In a child: what was made for it. All other forks under way are the parent's.
pub(super) fn take_in_child() -> Option<Made> {
    let made = mine().and_then(|fork| {
        let opened = fork.opened.load(Ordering::Acquire);
        Some(Made {
            membership: fork.membership()?,
            page: fork.page(),
            is_clean: opened
                .checked_sub(1)
                .is_some_and(|ever| File::none_since(ever as u32)),
        })
    });
    for fork in &FORKS {
        let fd = fork.fd.swap(-1, Ordering::Relaxed);
        if fd >= 0 && made.is_none_or(|made| made.membership.fd != fd) {
            let _ = files::close(fd);
        }
        fork.token.store(0, Ordering::Relaxed);
        fork.thread.store(0, Ordering::Relaxed);
    }
    ACTIVE.store(0, Ordering::Relaxed);
    made
}
