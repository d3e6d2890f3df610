//! One slot of the registry: its word, its facts, its holdings.
//! Tested by the models in `reliability/model`, and `reliability/tests/crash`.

use super::format::{Holding, SegmentSlot};
use super::holdings::{self, Ended, Slot};
use super::ledger::run_of;
use super::members::{LivenessCache, Token};
use super::segment::{SHM_DEST, Segment};
use super::stamps::{self, Stamps};
use super::word::{Change, State, Word};
use super::{Registry, slot_of};
use crate::error::{Errno, Result};
use crate::os::clock;
use crate::sync::{AtomicU64, Ordering};

/// In a holding's address: its member keeps a page of the segment.
const KEPT: u64 = 2;
/// How often a slot is read before the reader gives up.
const TRIES: u32 = 1000;

/// A slot.
#[derive(Clone, Copy)]
pub(crate) struct SlotRef<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) index: u32,
    cell: &'a AtomicU64,
    pub(crate) slot: &'a SegmentSlot,
}

impl Slot for SlotRef<'_> {
    type Atomic = AtomicU64;

    fn word(&self) -> &AtomicU64 {
        self.cell
    }

    fn holding(&self, index: u32) -> Option<&Holding> {
        self.holding_at(index)
    }

    fn shmid(&self) -> u32 {
        self.slot.shmid()
    }

    fn is_forced(&self) -> bool {
        self.registry.limits().rmid_forced
    }

    fn stamp(&self, announced: Word, holding: &Holding) {
        let change = holding.change.load(Ordering::Relaxed);
        let pid = change as u32 as i32;
        let now = clock::now();
        match announced.change {
            Change::None | Change::Cancel => return,
            Change::Attach => stamps::note(&self.slot.atime, now, announced),
            Change::Detach => stamps::note(&self.slot.dtime, now, announced),
            Change::Drop => {
                let died = Token::from_bits(holding.token.load(Ordering::Relaxed));
                let pid = died
                    .and_then(|token| self.registry.process_of(token))
                    .unwrap_or(pid);
                stamps::note(&self.slot.dtime, now, announced);
                stamps::note(&self.slot.lpid, pid.into(), announced);
                return;
            }
        }
        stamps::note(&self.slot.lpid, pid.into(), announced);
    }
}

impl Registry {
    /// Slot `index`.
    ///
    /// # Errors
    /// - `EINVAL` there is no such slot
    /// - what touching that part of the registry says
    pub(crate) fn slot(&self, index: u32) -> Result<SlotRef<'_>> {
        Ok(SlotRef {
            registry: self,
            index,
            cell: self.word_cell(index)?.ok_or(Errno::EINVAL)?,
            slot: self.segment_slot(index)?.ok_or(Errno::EINVAL)?,
        })
    }

    /// The slot that an id names.
    pub(crate) fn slot_for(&self, shmid: u32) -> Result<SlotRef<'_>> {
        self.slot(slot_of(shmid))
    }
}

impl<'a> SlotRef<'a> {
    pub(super) fn holding_at(&self, index: u32) -> Option<&'a Holding> {
        let (run, place) = run_of(index);
        let first = self
            .slot
            .runs
            .get(run as usize)?
            .load(Ordering::Acquire)
            .checked_sub(1)?;
        self.registry.holding(first.checked_add(place)?)
    }

    /// The word as it stands.
    pub(crate) fn word_now(&self) -> Word {
        Word::from_bits(self.cell.load(Ordering::Acquire))
    }

    /// What the slot holds, whatever its state. `None` if it changed all the time.
    pub(crate) fn read(&self) -> Option<Segment> {
        for _ in 0..TRIES {
            let before = self.word_now();
            let (version, facts) = self.slot.facts()?;
            let word = self.word_now();
            // The id has the slot's sequence: the same state and the same id are the same segment.
            let is_steady = before.state == word.state
                || before.state.has_segment() && word.state.has_segment();
            if is_steady && self.slot.is_still(version) {
                return Some(self.with_word(facts, word));
            }
        }
        None
    }

    /// Facts and word together, as the kernel shows them.
    fn with_word(&self, facts: Segment, word: Word) -> Segment {
        let is_removed = word.state == State::Removed;
        Segment {
            state: word.state,
            key: if word.state == State::Live {
                facts.key
            } else {
                0
            },
            mode: facts.mode | if is_removed { SHM_DEST } else { 0 },
            nattch: word.total,
            ..facts
        }
    }

    /// The key in the facts, whatever the state.
    pub(super) fn fact_key(&self) -> i32 {
        self.slot.facts().map_or(0, |(_, facts)| facts.key)
    }

    /// Reaps the slot. Returns whether that doomed the segment.
    pub(crate) fn reap_all(&self, liveness: &mut LivenessCache<'_>) -> Result<Ended> {
        let mut ended = Ended::Before;
        for index in 0..self.length() {
            if self
                .counted_by(index)
                .is_some_and(|token| liveness.is_dead_bits(token))
            {
                ended = worse(
                    ended,
                    holdings::reap(self, index, &mut |held| liveness.is_dead_bits(held))?,
                );
                self.slot.free.store(index + 1, Ordering::Relaxed);
            }
        }
        Ok(ended)
    }

    /// Whether a living member is attached: the first one found is enough. If there is none, the slot is reaped.
    pub(crate) fn is_held(&self, liveness: &mut LivenessCache<'_>) -> Result<bool> {
        let hint = self.slot.lived.load(Ordering::Relaxed);
        let length = self.length();
        let first = (hint < length).then_some(hint);
        for index in first.into_iter().chain(0..length) {
            if let Some(token) = self.counted_by(index) {
                if !liveness.is_dead_bits(token) {
                    self.slot.lived.store(index, Ordering::Relaxed);
                    return Ok(true);
                }
                holdings::reap(self, index, &mut |held| liveness.is_dead_bits(held))?;
            }
        }
        Ok(self.word_now().total != 0)
    }

    /// The member of a holding that counts, whether or not the announced change was applied.
    fn counted_by(&self, index: u32) -> Option<u64> {
        let holding = self.holding_at(index)?;
        // The word first: either it announces a change of the holding as it was before, or that change is applied
        // already.
        let word = self.word_now();
        holdings::counts_under(word, index, holding)
            .then(|| holding.token.load(Ordering::Acquire))
            .filter(|&token| token != 0)
    }

    /// Makes a holding of `token` count, as a change by the process `pid`. Returns the number to end it by.
    ///
    /// # Errors
    /// - what [`holdings::attach`] says
    pub(crate) fn attach(&self, shmid: u32, index: u32, token: Token, pid: i32) -> Result<u64> {
        if let Some(holding) = self.holding_at(index) {
            self.note(holding, pid);
        }
        holdings::attach(self, shmid, index, token.bits())
    }

    /// Notes that the member keeps a page of the segment for its next attach, or no longer does.
    pub(crate) fn set_kept(&self, index: u32, is_kept: bool) {
        if let Some(holding) = self.holding_at(index) {
            if is_kept {
                self.slot.kept.store(1, Ordering::Relaxed);
                holding.address.fetch_or(KEPT, Ordering::AcqRel);
            } else {
                holding.address.fetch_and(!KEPT, Ordering::AcqRel);
            }
        }
    }

    /// Whether another member that lives keeps a page of the segment.
    pub(super) fn is_kept_by_others(
        &self,
        me: Option<Token>,
        liveness: &mut LivenessCache<'_>,
    ) -> bool {
        (0..self.length()).any(|index| {
            self.holding_at(index).is_some_and(|holding| {
                let token = holding.token.load(Ordering::Acquire);
                holding.address.load(Ordering::Acquire) & KEPT != 0
                    && token != 0
                    && me.is_none_or(|me| me.bits() != token)
                    && !liveness.is_dead_bits(token)
            })
        })
    }

    /// Notes where a holding's mapping lies.
    pub(crate) fn set_address(&self, index: u32, address: usize, read_only: bool) {
        if let Some(holding) = self.holding_at(index) {
            let kept = holding.address.load(Ordering::Relaxed) & KEPT;
            let value = address as u64 | u64::from(read_only) | kept;
            holding.address.store(value, Ordering::Relaxed);
        }
    }

    /// The process that changes a holding, and when.
    pub(crate) fn note(&self, holding: &Holding, pid: i32) {
        let since = clock::now()
            .saturating_sub(self.registry.born())
            .clamp(0, u32::MAX.into());
        holding.change.store(
            u64::from(pid as u32) | (since as u64) << 32,
            Ordering::Relaxed,
        );
    }

    /// [`holdings::end`] by the process `pid`.
    pub(crate) fn end(&self, index: u32, number: u64, change: Change, pid: i32) -> Result<Ended> {
        if let Some(holding) = self.holding_at(index)
            && holdings::counted(holding) == Some(number)
        {
            self.note(holding, pid);
        }
        holdings::end(self, index, number, change)
    }

    /// Ends all counts in a slot that has no segment.
    pub(super) fn end_all(&self) -> Result<()> {
        for index in 0..self.length() {
            if let Some(number) = self.holding_at(index).and_then(holdings::counted) {
                holdings::end(self, index, number, Change::Drop)?;
            }
        }
        Ok(())
    }

    /// The last changes, as of now.
    pub(crate) fn stamps(&self) -> Stamps {
        Stamps {
            atime: stamps::value(&self.slot.atime),
            dtime: stamps::value(&self.slot.dtime),
            lpid: stamps::value(&self.slot.lpid) as i32,
        }
    }

    /// Restores the stamps after a failed attach, if that was the last change before this word's version.
    pub(crate) fn put_back(&self, before: Stamps) {
        let word = self.word_now();
        let undone = word.version.wrapping_sub(1) & ((1 << 23) - 1);
        stamps::put_back(&self.slot.atime, before.atime, undone, word);
        stamps::put_back(&self.slot.lpid, before.lpid.into(), undone, word);
    }

    /// The number of a holding of `token` that counts, with the announced change included.
    pub(crate) fn number_of(&self, index: u32, token: Token) -> Option<u64> {
        holdings::settled(self).ok()?;
        let holding = self.holding_at(index)?;
        (holding.token.load(Ordering::Acquire) == token.bits())
            .then(|| holdings::counted(holding))
            .flatten()
    }

    /// A holding of `token` that counts: the one that `hint` names, or any.
    pub(crate) fn find_of(&self, token: Token, hint: Option<u32>) -> Option<u32> {
        hint.into_iter()
            .chain(0..self.length())
            .find(|&index| self.number_of(index, token).is_some())
    }

    /// Frees a holding that does not count.
    pub(crate) fn give_back(&self, index: u32, token: Token) {
        if let Some(holding) = self.holding_at(index) {
            holdings::give_back(holding, token.bits());
            self.slot.free.store(index + 1, Ordering::Relaxed);
        }
    }

    /// Whether a holding belongs to a member.
    pub(crate) fn is_of(&self, index: u32, token: Token) -> bool {
        self.holding_at(index)
            .is_some_and(|holding| holding.token.load(Ordering::Relaxed) == token.bits())
    }

    /// Gives a holding from one token of a member to its next token.
    pub(crate) fn hand_on(&self, index: u32, from: Token, to: Token) -> bool {
        self.holding_at(index).is_some_and(|holding| {
            let swap = holding.token.compare_exchange(
                from.bits(),
                to.bits(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            swap.is_ok()
        })
    }

    /// [`holdings::touch`].
    pub(crate) fn touch(&self) -> Result<()> {
        holdings::touch(self)
    }

    /// Changes the state to what `to` gives for the current word. Returns the word after it, or `None` if it was left
    /// alone.
    pub(crate) fn change_state(
        &self,
        mut to: impl FnMut(Word) -> Result<Option<State>>,
    ) -> Result<Option<Word>> {
        holdings::update(self, |word| Ok(to(word)?.map(|state| word.to_state(state))))
    }

    /// The facts of a segment as they are shown, except that a removed one keeps its key.
    pub(crate) fn facts_of(&self, shown: &Segment) -> Segment {
        Segment {
            key: self.fact_key(),
            ..*shown
        }
    }

    /// Makes these the facts. Only the member with the claim may call it.
    pub(crate) fn write_facts(&self, facts: &Segment) {
        self.slot.write_facts(facts);
    }

    /// A new segment starts without stamps.
    pub(super) fn forget_stamps(&self) {
        for stamp in [&self.slot.atime, &self.slot.dtime, &self.slot.lpid] {
            stamp.store(0, Ordering::Relaxed);
        }
        self.slot.kept.store(0, Ordering::Relaxed);
    }

    /// Calls `visit` with every holding that counts: its member, its address, and who changed it when.
    pub(crate) fn each_holding(&self, mut visit: impl FnMut(u32, u64, &Holding)) {
        for index in 0..self.length() {
            if let Some(token) = self.counted_by(index)
                && let Some(holding) = self.holding_at(index)
            {
                visit(index, token, holding);
            }
        }
    }
}

pub(super) fn worse(one: Ended, other: Ended) -> Ended {
    if one == Ended::Last || other == Ended::Last {
        Ended::Last
    } else if one == Ended::Now {
        one
    } else {
        other
    }
}
