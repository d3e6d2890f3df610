//! What the command shows of a registry: who uses the namespace, and who holds a segment. Tested by `tests/tests/command`.

use super::Registry;
use super::liveness::LivenessCache;
use super::members::{Token, process_in};
use crate::sync::Ordering;

/// A process that uses the namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberView {
    /// Process, as it numbers itself; 0 for a child that is just being made.
    pub pid: i32,
    /// Effective user when it joined.
    pub uid: u32,
    /// When it joined, in seconds since the epoch.
    pub since: i64,
}

/// A holding that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldingView {
    /// The member; 0 for none.
    pub(crate) token: u64,
    pub(crate) pid: i32,
    pub(crate) address: usize,
    pub(crate) read_only: bool,
    pub(crate) since: i64,
}

impl Registry {
    /// Calls `visit` with every holding of a slot that counts.
    pub(crate) fn each_holding(&self, shmid: u32, mut visit: impl FnMut(HoldingView)) {
        let Ok(slot) = self.slot_for(shmid) else {
            return;
        };
        let born = self.born();
        slot.each_holding(|_, token, holding| {
            let address = holding.address.load(Ordering::Relaxed);
            let change = holding.change.load(Ordering::Relaxed);
            let pid = Token::from_bits(token).and_then(|token| {
                let slot = self.member(token.index())?;
                process_in(slot, token)
            });
            visit(HoldingView {
                token,
                pid: pid.unwrap_or(change as u32 as i32),
                address: (address & !3) as usize,
                read_only: address & 1 != 0,
                since: born + (change >> 32) as i64,
            });
        });
    }

    /// Calls `visit` with every member that lives.
    pub(crate) fn each_member(
        &self,
        liveness: &mut LivenessCache<'_>,
        mut visit: impl FnMut(MemberView),
    ) {
        self.each_slot_in_use(|slot, token| {
            if !liveness.is_dead(token) {
                visit(MemberView {
                    pid: process_in(slot, token).unwrap_or(0),
                    uid: slot.uid.load(Ordering::Relaxed),
                    since: slot.since.load(Ordering::Relaxed) as i64,
                });
            }
        });
    }
}
