//! Fork: a child is a member with attachments of its own from its first instant.
//!
//! Order of locks: the process's own lock is taken before the fork and let go in both processes after it, so that a
//! child never inherits one that nobody holds, and two threads that fork at once do not mix. Before the fork a member
//! slot, its liveness and records are made for the child; afterwards the parent lets go of that liveness and the
//! child keeps it. If there is no child, that member is dead, as any other.

use super::attachments::{Fragment, UNCOUNTED};
use super::{Entered, KNOWN, PROCESS, REGISTRY, UNKNOWN};
use crate::error::Result;
use crate::log::{self, Level};
use crate::os::process::{pid, thread};
use crate::os::signals::Blocked;
use crate::os::{c_library, clock, memory};
use crate::registry::{A_FEW, ANCHORED, Attachment, Liveness, RECORD_READ_ONLY, Segment, Token};
use crate::sync::{AtomicBool, Ordering};

/// A fork under way.
pub(super) struct Fork {
    /// The thread that forks.
    thread: i32,
    /// The child's liveness; `None` when none could be had, and without attachments.
    child: Option<Liveness>,
    /// The child inherits the parent's own liveness, for want of one of its own.
    shares_parents: bool,
    signals: Blocked,
}

/// Registers the handlers with the C library, once.
pub fn register() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if REGISTERED.swap(true, Ordering::Relaxed) {
        return;
    }
    c_library::at_fork(prepare, parent, child);
}

/// Before the fork. A process that never used the library pays nothing.
unsafe extern "C" fn prepare() {
    if !PROCESS.is_known() {
        return;
    }
    let Ok(mut entered) = PROCESS.enter() else {
        return;
    };
    let (child, shares_parents) = entered.make_child();
    if let Some(signals) = entered.signals.take() {
        // From here on the lock outlives `entered`.
        entered.inner.fork = Some(Fork {
            thread: thread(),
            child,
            shares_parents,
            signals,
        });
    }
}

/// After the fork, in the parent.
unsafe extern "C" fn parent() {
    // SAFETY: if a fork is noted as this thread's, this thread holds the lock; else nothing is changed.
    let inner = unsafe { &mut *PROCESS.inner.get() };
    if inner
        .fork
        .as_ref()
        .is_none_or(|fork| fork.thread != thread())
    {
        return;
    }
    if let Some(fork) = inner.fork.take() {
        if let Some(child) = fork.child {
            child.release();
        }
        if fork.shares_parents
            && let Some(member) = inner.member
        {
            let _ = member.keep_from_children();
        }
        PROCESS.lock.unlock();
        drop(fork.signals);
    }
}

/// After the fork, in the child.
unsafe extern "C" fn child() {
    // SAFETY: the child has one thread, and inherited the lock from it.
    let inner = unsafe { &mut *PROCESS.inner.get() };
    let Some(fork) = inner.fork.take() else {
        // Where the kernel does not wipe the page by itself.
        PROCESS.set_known(UNKNOWN);
        return;
    };
    let mut entered = Entered {
        process: &PROCESS,
        inner,
        signals: Some(fork.signals),
    };
    match fork.child {
        Some(liveness) => {
            entered.be_child(liveness);
            PROCESS.set_known(KNOWN);
        }
        // The first call registers what was inherited, and until then the parent's liveness may stand for it.
        None => PROCESS.set_known(UNKNOWN),
    }
}

impl Entered {
    /// Makes a member and records for a child; or lets the child share this process's liveness, so that what it
    /// inherits is counted too often for a while, never too rarely.
    fn make_child(&mut self) -> (Option<Liveness>, bool) {
        let Some(member) = self.inner.member else {
            return (None, false);
        };
        if self.inner.attachments.all().is_empty() {
            return (None, false);
        }
        match REGISTRY.claim_member(0) {
            Ok(liveness) => {
                self.attach_all(member.token, liveness.token, 0, self.inner.pid);
                (Some(liveness), false)
            }
            Err(error) => {
                log::write(Level::Warn, |line| {
                    line.str("no liveness of its own for a child: its attachments count as this process's: ").errno(error)
                });
                let _ = member.let_children_have();
                self.attach_all(member.token, member.token, self.inner.pid, self.inner.pid);
                (None, true)
            }
        }
    }

    /// Records every attachment of this process for the member `token` with process `pid`, in the name of the
    /// process `parent`. Locks are taken as the member `me`.
    fn attach_all(&mut self, me: Token, token: Token, pid: i32, parent: i32) {
        for place in 0..self.inner.attachments.all().len() {
            let all = self.inner.attachments.all();
            let Some(fragment) = all.get(place).copied() else {
                break;
            };
            let before = if fragment.has_siblings { place } else { 0 };
            let sibling = all
                .get(..before)
                .and_then(|before| before.iter().find(|other| fragment.is_sibling(other)));
            let record = match sibling {
                Some(other) => other.child_record,
                None => {
                    let fragments = self.inner.attachments.fragments_of(&fragment);
                    inherit(&fragment, me, token, pid, parent, fragments).unwrap_or(UNCOUNTED)
                }
            };
            if let Some(fragment) = self.inner.attachments.all_mut().get_mut(place) {
                fragment.child_record = record;
            }
        }
    }

    /// This process is the child that everything was made for.
    fn be_child(&mut self, liveness: Liveness) {
        if let Some(parents) = self.set_member(Some(liveness)) {
            parents.close_kept_descriptor();
        }
        let _ = liveness.keep_from_children();
        self.inner.pid = pid();
        REGISTRY.set_member_pid(liveness.token, self.inner.pid);
        self.take_child_records();
    }

    /// What was made for the child is this process's now.
    fn take_child_records(&mut self) {
        let pid = self.inner.pid;
        for fragment in self.inner.attachments.all_mut() {
            fragment.record = fragment.child_record;
            REGISTRY.set_pid(fragment.record, pid);
        }
        self.drop_not_inherited();
    }

    /// In a child that was made without handlers: it becomes a member, and what it inherited is recorded.
    pub(super) fn adopt(&mut self) {
        if let Some(parents) = self.set_member(None) {
            parents.close_kept_descriptor();
        }
        self.inner.fork = None;
        let parent = self.inner.pid;
        let me = pid();
        self.inner.pid = me;
        if !self.inner.attachments.all().is_empty() {
            let member = REGISTRY
                .claim_member(me)
                .and_then(|member| member.keep_from_children().map(|()| member));
            match member {
                Ok(member) => {
                    self.set_member(Some(member));
                    self.attach_all(member.token, member.token, me, parent);
                    self.take_child_records();
                }
                Err(error) => {
                    self.inner
                        .attachments
                        .all_mut()
                        .iter_mut()
                        .for_each(|fragment| fragment.record = UNCOUNTED);
                    log::write(Level::Error, |line| {
                        line.str("inherited attachments cannot be counted: ")
                            .errno(error)
                    });
                }
            }
        }
        PROCESS.set_known(KNOWN);
    }

    /// Attachments that the program kept from its children (`MADV_DONTFORK`) are not here. Neighbours are asked about
    /// together: mostly one system call tells that all is there.
    fn drop_not_inherited(&mut self) {
        let mut place = 0;
        while let Some(first) = self.inner.attachments.all().get(place).copied() {
            let mut start = first.start;
            let mut behind = place + 1;
            while let Some(next) = self
                .inner
                .attachments
                .all()
                .get(behind)
                .filter(|next| next.end() == start)
            {
                start = next.start;
                behind += 1;
            }
            if memory::is_mapped(start, first.end() - start) {
                place = behind;
                continue;
            }
            let mut left = behind - place;
            while left > 0
                && let Some(fragment) = self.inner.attachments.all().get(place).copied()
            {
                if memory::is_mapped(fragment.start, fragment.len) {
                    place += 1;
                } else {
                    self.lose(&fragment);
                }
                left -= 1;
            }
        }
        self.note_bounds();
    }

    fn lose(&mut self, fragment: &Fragment) {
        self.inner.attachments.remove(fragment.start);
        if fragment.record == UNCOUNTED {
            return;
        }
        let left = self.inner.attachments.fragments_of(fragment);
        let Some(member) = self.inner.member else {
            return;
        };
        let Ok(slot) = REGISTRY.lock_id(fragment.shmid, member.token) else {
            return;
        };
        let mut segment = slot.read();
        if segment.is_live(fragment.shmid) {
            slot.recount(&mut segment, member.token, fragment.record, left);
            slot.write(&segment);
        }
    }
}

/// Records one inherited attachment. To the kernel a fork is an attach by the parent.
fn inherit(
    fragment: &Fragment,
    me: Token,
    token: Token,
    pid: i32,
    parent: i32,
    fragments: u32,
) -> Result<u32> {
    let slot = REGISTRY.lock_id(fragment.shmid, me)?;
    let mut segment = slot.read();
    if !segment.is_live(fragment.shmid) {
        return Err(crate::Errno::EIDRM);
    }
    let now = clock::now();
    let attachment = Attachment {
        address: fragment.start,
        since: now,
        pid,
        flags: if fragment.read_only {
            RECORD_READ_ONLY
        } else {
            0
        },
        fragments,
    };
    let record = slot.attach(fragment.shmid, token, &attachment)?;
    segment.nattch = segment.nattch.saturating_add(fragments);
    segment.atime = now;
    segment.lpid = parent;
    slot.write(&segment);
    Ok(record)
}

/// Whether nobody else can have an anchor to the segment's file.
fn is_last_to_hold(segment: &Segment, me: Token) -> bool {
    segment.flags & ANCHORED == 0 || !REGISTRY.has_others(me)
}

/// At a normal exit: what only waits for this process's last detach goes now, not when somebody next looks. The memory
/// stays mapped, other exit handlers may still use it.
pub fn at_exit() {
    if !PROCESS.is_known() {
        return;
    }
    let Ok(entered) = PROCESS.enter() else { return };
    let Some(member) = entered.inner.member else {
        return;
    };
    // A child of vfork that exits must not take its parent's attachments with it.
    if entered.inner.pid != pid() {
        return;
    }
    // Removal empties the file of a segment that may have anchors, and exit handlers may still use the memory. Without
    // other members there are no other anchors; else it is for them to remove it, once this process is gone.
    let waits = |fragment: &&Fragment| {
        REGISTRY
            .find_id(fragment.shmid)
            .is_ok_and(|segment| segment.is_removed() && is_last_to_hold(&segment, member.token))
    };
    while let Some(fragment) = entered.inner.attachments.all().iter().find(waits).copied() {
        let Ok(slot) = REGISTRY.lock_id(fragment.shmid, member.token) else {
            return;
        };
        let mut segment = slot.read();
        slot.recount(&mut segment, member.token, fragment.record, 0);
        segment.dtime = clock::now();
        segment.lpid = entered.inner.pid;
        segment.flags &= !ANCHORED;
        slot.write(&segment);
        drop(slot);
        while let Some(part) = entered
            .inner
            .attachments
            .all()
            .iter()
            .find(|part| part.record == fragment.record)
            .copied()
        {
            entered.inner.attachments.remove(part.start);
        }
        let _ = REGISTRY.destroy_if_finished(fragment.shmid, member.token);
    }
    entered.note_bounds();
    REGISTRY.sweep(member.token, A_FEW);
}
