//! Whether a member lives. A member is dead only if that is proven. One that cannot be asked now, for want of a
//! descriptor, a path or a right, lives. So a count may be too high for a moment, and is never too low.
//! Tested by `c_tests/process` and `reliability/tests/storm`.

use super::Registry;
use super::format::{FIRST_WITHOUT_LOCK, MEMBERS_PER_FILE, MemberSlot};
use super::lock_file::byte_of;
use super::members::{
    BY_DESCRIPTOR, BY_LOCK, Token, UNBORN, UNKNOWN, process_in, process_near, without_lock,
};
use crate::error::{Errno, Result};
use crate::os::files::File;
use crate::os::{identity, locks, process};
use crate::sync::Ordering;

/// Asks whether members live. A lock file is opened once for consecutive questions about its members.
pub(crate) struct LivenessCache<'a> {
    registry: &'a Registry,
    /// This process, which needs no asking.
    me: u64,
    /// Who was asked last, and whether that member is dead: a member often has many holdings in a row.
    last: (u64, bool),
    /// The lock file that was asked last, with its number.
    file: Option<(u32, File)>,
}

impl<'a> LivenessCache<'a> {
    pub(crate) fn new(registry: &'a Registry, me: Option<Token>) -> LivenessCache<'a> {
        LivenessCache {
            registry,
            me: me.map_or(0, Token::bits),
            last: (0, false),
            file: None,
        }
    }

    /// Whether the member of a holding is dead. Bits that are no token belong to no living member.
    pub(crate) fn is_dead_bits(&mut self, bits: u64) -> bool {
        Token::from_bits(bits).is_none_or(|token| self.is_dead(token))
    }

    /// Whether the member is known to be dead.
    pub(crate) fn is_dead(&mut self, token: Token) -> bool {
        if token.bits() == self.me {
            return false;
        }
        if self.last.0 != token.bits() {
            self.last = (token.bits(), self.is_found_dead(token));
        }
        self.last.1
    }

    fn is_found_dead(&mut self, token: Token) -> bool {
        let Some(slot) = self.registry.member(token.index()) else {
            return false;
        };
        if is_succeeded(slot, token) {
            return true;
        }
        if slot.witness.load(Ordering::Acquire) > BY_DESCRIPTOR {
            return self.registry.is_process_gone(token, slot);
        }
        match self.is_locked(token) {
            // A new member may have taken the slot since. Then the lock is that member's, and the token shows it.
            Ok(true) => is_succeeded(slot, token),
            Ok(false) => {
                slot.witness.load(Ordering::Relaxed) == BY_LOCK
                    || is_succeeded(slot, token)
                    || self.registry.is_gone_without_lock(token, slot)
            }
            Err(_) => self.registry.is_process_gone(token, slot),
        }
    }

    fn is_locked(&mut self, token: Token) -> Result<bool> {
        let number = token.index() / MEMBERS_PER_FILE;
        let file = match self.file.take() {
            Some((asked, file)) if asked == number => file,
            _ => self.registry.open_lock_file(number, false)?,
        };
        let (_, file) = self.file.insert((number, file));
        let answer = locks::is_held(file.fd(), byte_of(token.index()))?;
        // Another thread of the program may have closed the descriptor, and opened another file: nobody has that locked.
        if !answer && !self.registry.is_lock_file(file, number) {
            return Err(Errno::ESTALE);
        }
        Ok(answer)
    }
}

/// Whether the slot was given to another member since.
fn is_succeeded(slot: &MemberSlot, token: Token) -> bool {
    Token::from_bits(slot.token.load(Ordering::Acquire))
        .is_some_and(|now| now.generation() > token.generation())
}

impl Registry {
    /// Whether a member is known to be gone if a descriptor kept its lock and its byte is free. Its program may have
    /// closed the descriptor, so its process is asked. A child got its descriptor from its parent, which kept its own
    /// until the child wrote its process id: before that, no program can have closed it.
    #[cold]
    #[inline(never)]
    pub(super) fn is_gone_without_lock(&self, token: Token, slot: &MemberSlot) -> bool {
        match process_near(slot, token) {
            None | Some(UNBORN) => true,
            Some(_) => self.is_process_gone(token, slot),
        }
    }

    /// Whether the member's process is known to have ended, or to have executed another program. Asked where a lock
    /// cannot tell.
    #[cold]
    #[inline(never)]
    pub(super) fn is_process_gone(&self, token: Token, slot: &MemberSlot) -> bool {
        let Some(pid) = process_near(slot, token) else {
            return false;
        };
        if pid <= 0 {
            // A child that is not born yet, or never was. It may live on without its parent. While all processes are
            // looked at, it may say its number: then it is known to the others' eyes, and lives.
            return (pid == UNKNOWN || self.is_alone(slot))
                && !self.may_be_a_stranger(slot)
                && process_near(slot, token) == Some(pid);
        }
        let namespace = slot.pid_namespace.load(Ordering::Relaxed);
        if namespace == 0 || namespace != identity::pid_namespace() {
            return false;
        }
        // Every member has its registry mapped.
        process::is_gone(pid, b"registry")
    }

    /// Whether a child cannot be born any more, since its parent is dead.
    fn is_alone(&self, slot: &MemberSlot) -> bool {
        let parent = Token::from_bits(slot.parent.load(Ordering::Relaxed));
        parent.is_some_and(|parent| {
            self.member(parent.index()).is_some_and(|slot| {
                is_succeeded(slot, parent) || self.is_gone_as_parent(parent, slot)
            })
        })
    }

    /// Whether a process that is no known member has a segment mapped: it may be a child before its first call.
    #[cold]
    #[inline(never)]
    fn may_be_a_stranger(&self, slot: &MemberSlot) -> bool {
        let user = slot.uid.load(Ordering::Relaxed);
        let namespace = slot.pid_namespace.load(Ordering::Relaxed);
        if namespace == 0 || namespace != identity::pid_namespace() {
            return true;
        }
        let is_same_time =
            slot.time_namespace.load(Ordering::Relaxed) == identity::time_namespace();
        let sought = process::Sought {
            mapped: self.beginning_of("segment-"),
            user,
            born_after: if is_same_time {
                slot.born_after.load(Ordering::Relaxed)
            } else {
                0
            },
        };
        process::any_other(&sought, &mut |pid| self.is_members(pid))
    }

    /// Calls `visit` with every member slot that was ever used, and its token.
    pub(super) fn each_slot_in_use(&self, mut visit: impl FnMut(&MemberSlot, Token)) {
        let limit = self
            .header()
            .member_limit
            .load(Ordering::Relaxed)
            .min(FIRST_WITHOUT_LOCK);
        let is_used = |index: &u32| {
            self.member(*index)
                .is_some_and(|slot| slot.token.load(Ordering::Acquire) != 0)
        };
        for index in (0..limit).chain(without_lock().take_while(is_used)) {
            let Some(slot) = self.member(index) else {
                continue;
            };
            let is_listed_twice =
                index < limit && without_lock().next() <= Some(index) && index < 128;
            if let Some(token) = Token::from_bits(slot.token.load(Ordering::Acquire))
                && !is_listed_twice
            {
                visit(slot, token);
            }
        }
    }

    /// Whether a member that lives is this process.
    fn is_members(&self, pid: i32) -> bool {
        let mut liveness = LivenessCache::new(self, None);
        let mut found = false;
        self.each_slot_in_use(|slot, token| {
            found = found || process_in(slot, token) == Some(pid) && !liveness.is_dead(token);
        });
        found
    }

    /// One step up is enough: if the parent is not born either, its own parent is asked in turn.
    fn is_gone_as_parent(&self, parent: Token, slot: &MemberSlot) -> bool {
        match process_in(slot, parent) {
            Some(pid) if pid > UNBORN => match slot.witness.load(Ordering::Relaxed) {
                BY_LOCK => LivenessCache::new(self, None).is_dead(parent),
                _ => self.is_process_gone(parent, slot),
            },
            _ => false,
        }
    }
}
