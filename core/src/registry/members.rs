//! Members: processes that use the namespace, by their tokens, and how they come to have one.
//!
//! A member holds an open-file-description lock on its byte of a lock file. A mapping of that file keeps the open file
//! description, and so the lock. The kernel drops the lock with the address space: at exit, at exec, at SIGKILL. If a
//! child can have no lock at the fork, it gets a slot without one, and its process shows whether it lives, see
//! `liveness`. Tested by `c_tests/process` and `reliability/tests/storm`.

use super::Registry;
use super::format::{
    FILE_WITHOUT_LOCKS, FIRST_WITHOUT_LOCK, MAX_MEMBERS, MEMBERS_PER_FILE, MemberSlot,
};
use super::lock_file::byte_of;
use crate::error::{Errno, Result};
use crate::os::{clock, identity, locks};
use crate::sync::Ordering;

pub(crate) use super::liveness::LivenessCache;
pub(crate) use super::token::Token;

/// How many taken slots a joining process passes before it widens the range in which slots are searched.
const CROWDED: u32 = 8;

/// `MemberSlot::witness`: the lock shows that it lives, and nothing else is asked.
pub(super) const BY_LOCK: u32 = 1;
/// A descriptor keeps the lock, and the program may close it. Without the lock, the process is asked.
pub(super) const BY_DESCRIPTOR: u32 = 2;
/// There is no lock: the process is asked.
pub(super) const BY_PROCESS: u32 = 3;

/// `MemberSlot::process`: the child is not born yet.
pub(super) const UNBORN: i32 = 0;
/// Its parent is done with the fork, and it has not said its number yet.
pub(super) const UNKNOWN: i32 = -1;

/// A member's token, and what keeps its lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) token: Token,
    /// Kept open where a mapping does not pin the lock, else -1.
    pub(crate) fd: i32,
    /// Whether the given page maps the lock file.
    pub(crate) is_pinned: bool,
}

impl Registry {
    /// Takes a member slot with a lock for this process, or with pid 0 for a child to come. `page` is address space of
    /// this process for one page, where the lock file is mapped.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
    /// - `EACCES` and other errors of open(2): the lock file
    /// - `ENOLCK` the file system has no locks; or all slots are taken: `ENOSPC`
    #[inline(never)]
    pub(crate) fn claim_member(&self, pid: i32, page: usize, parent: u64) -> Result<Membership> {
        let header = self.header();
        let mut crowded = 0;
        for _ in 0..FIRST_WITHOUT_LOCK * 2 {
            let limit = header
                .member_limit
                .load(Ordering::Relaxed)
                .clamp(MEMBERS_PER_FILE, FIRST_WITHOUT_LOCK);
            let index = header.next_member.fetch_add(1, Ordering::Relaxed) % limit;
            match self.try_claim(index, pid, page, parent) {
                Ok(None) => crowded += 1,
                Ok(Some(membership)) => return Ok(membership),
                // The lock file's name is gone, so its locks cannot be asked for any more, and no new member gets one
                // there.
                Err(Errno::ESTALE) => {
                    header.next_member.fetch_add(
                        MEMBERS_PER_FILE - index % MEMBERS_PER_FILE,
                        Ordering::Relaxed,
                    );
                    crowded = CROWDED;
                }
                Err(error) => return Err(error),
            }
            if crowded >= CROWDED && limit < FIRST_WITHOUT_LOCK {
                crowded = 0;
                header
                    .member_limit
                    .store((limit * 2).min(FIRST_WITHOUT_LOCK), Ordering::Relaxed);
            }
        }
        Err(Errno::ENOSPC)
    }

    fn try_claim(
        &self,
        index: u32,
        pid: i32,
        page: usize,
        parent: u64,
    ) -> Result<Option<Membership>> {
        if index / MEMBERS_PER_FILE == FILE_WITHOUT_LOCKS {
            return Err(Errno::ESTALE);
        }
        let slot = self.new_member(index)?;
        let number = index / MEMBERS_PER_FILE;
        let file = self.open_lock_file(number, true)?;
        match locks::take(file.fd(), byte_of(index)) {
            Err(Errno::EAGAIN) => return Ok(None),
            Err(_) if !self.is_lock_file(&file, number) => return self.again(index),
            other => other?,
        }
        let before = slot.token.load(Ordering::Relaxed);
        // A member whose program closed the descriptor of its lock may still live.
        if slot.witness.load(Ordering::Relaxed) == BY_DESCRIPTOR
            && Token::from_bits(before).is_some_and(|token| !self.is_gone_without_lock(token, slot))
        {
            return Ok(None);
        }
        let Some((fd, is_pinned)) = self.pin(file, index, page)? else {
            return Ok(None);
        };
        let witness = if fd < 0 { BY_LOCK } else { BY_DESCRIPTOR };
        let token = Token::after(index, before);
        // From here on the predecessor's token is dead, and its holdings can be reaped.
        slot.token.store(token.bits(), Ordering::Release);
        self.fill(slot, token, pid, witness, parent);
        Ok(Some(Membership {
            token,
            fd,
            is_pinned,
        }))
    }

    /// Takes a member slot without a lock, for a child to come that can have no lock now.
    ///
    /// # Errors
    /// - `ENOSPC` all are taken
    #[inline(never)]
    pub(crate) fn claim_without_lock(&self, parent: Token) -> Result<Token> {
        for index in without_lock() {
            let slot = self.new_member(index)?;
            let before = slot.token.load(Ordering::Acquire);
            if Token::from_bits(before).is_some_and(|token| !self.is_process_gone(token, slot)) {
                continue;
            }
            let token = Token::after(index, before);
            let swap = slot.token.compare_exchange(
                before,
                token.bits(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if swap.is_ok() {
                self.fill(slot, token, UNBORN, BY_PROCESS, parent.bits());
                return Ok(token);
            }
        }
        Err(Errno::ENOSPC)
    }

    /// The parent of a child without a lock is done with the fork: there is such a process by now, or never will be.
    pub(crate) fn end_birth(&self, token: Token) {
        if let Some(slot) = self.member(token.index())
            && slot.witness.load(Ordering::Relaxed) == BY_PROCESS
        {
            // The generation in the word is this child's, or nothing changes.
            let _ = slot.process.compare_exchange(
                token.process_word(UNBORN),
                token.process_word(UNKNOWN),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }

    /// A copy for a process that is born by now.
    pub(crate) fn set_process(&self, token: Token, pid: i32) {
        if let Some(slot) = self.member(token.index()) {
            note_namespace(slot, pid);
            slot.process
                .store(token.process_word(pid), Ordering::Release);
        }
    }

    /// Begins the slot's next generation: what was held under the old token and was not given to this one is a dead
    /// member's.
    pub(crate) fn begin_generation(&self, next: Token, pid: i32) {
        if let Some(slot) = self.member(next.index()) {
            note_namespace(slot, pid);
            slot.process
                .store(next.process_word(pid), Ordering::Release);
            slot.token.store(next.bits(), Ordering::Release);
        }
    }

    /// The process of a member, as far as its slot still says.
    pub(super) fn process_of(&self, token: Token) -> Option<i32> {
        let slot = self.member(token.index())?;
        process_in(slot, token).filter(|&pid| pid > 0)
    }
}

impl Registry {
    /// Fills the slot of a new member. `process` comes last: until it has this generation, nothing here is believed.
    fn fill(&self, slot: &MemberSlot, token: Token, pid: i32, witness: u32, parent: u64) {
        // A child is in its parent's pid namespace, until it finds otherwise.
        let parents = Token::from_bits(parent).and_then(|parent| self.member(parent.index()));
        let namespace = parents.map_or_else(identity::pid_namespace, |parent| {
            parent.pid_namespace.load(Ordering::Relaxed)
        });
        slot.pid_namespace.store(namespace, Ordering::Relaxed);
        slot.witness.store(witness, Ordering::Relaxed);
        slot.parent.store(parent, Ordering::Relaxed);
        slot.uid.store(identity::euid(), Ordering::Relaxed);
        slot.since.store(clock::now() as u64, Ordering::Relaxed);
        if witness == BY_PROCESS {
            slot.born_after.store(clock::boot_ms(), Ordering::Relaxed);
            slot.time_namespace
                .store(identity::time_namespace(), Ordering::Relaxed);
        }
        slot.process
            .store(token.process_word(pid), Ordering::Release);
    }
}

/// The process that a member's slot names for this very token, [`UNBORN`] or [`UNKNOWN`].
pub(super) fn process_in(slot: &MemberSlot, token: Token) -> Option<i32> {
    let word = slot.process.load(Ordering::Acquire);
    (word >> 32 == token.generation() & 0xffff_ffff).then_some(word as u32 as i32)
}

/// As [`process_in`]; while a child begins its next generation, for that and the one before too.
pub(super) fn process_near(slot: &MemberSlot, token: Token) -> Option<i32> {
    let word = slot.process.load(Ordering::Acquire);
    let ahead = (token.generation() as u32).wrapping_sub((word >> 32) as u32);
    matches!(ahead, 0 | 1 | u32::MAX).then_some(word as u32 as i32)
}

/// The members without a lock, those of the prefix first.
pub(super) fn without_lock() -> impl Iterator<Item = u32> {
    let early = FILE_WITHOUT_LOCKS * MEMBERS_PER_FILE;
    (early..early + MEMBERS_PER_FILE).chain(FIRST_WITHOUT_LOCK..MAX_MEMBERS)
}

/// The first process of a pid namespace is not in its parent's, and which one it is in may be hidden. Only members
/// whose process is asked need to know.
fn note_namespace(slot: &MemberSlot, pid: i32) {
    if pid == 1 {
        slot.pid_namespace.store(0, Ordering::Relaxed);
    }
    if slot.witness.load(Ordering::Relaxed) != BY_LOCK {
        let known = identity::pid_namespace();
        if known != 0 {
            slot.pid_namespace.store(known, Ordering::Relaxed);
        }
    }
}

const _: () = assert!(FIRST_WITHOUT_LOCK.is_multiple_of(MEMBERS_PER_FILE));
