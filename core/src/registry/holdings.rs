//! Counting without a lock: how a holding changes, and how the holdings of the dead are reaped.
//!
//! A change is announced in the slot's word by one compare-and-swap, which also has its effect on the total. Every
//! process that meets an announcement applies it to the holding, then goes on with its own work. So nobody waits for a
//! process that is stopped or killed in between, and nothing has to be recovered. The total is right at every instant,
//! except for holdings of dead members that were not reaped yet.
//!
//! The rules that keep it right. If one is broken, a model fails:
//! - An announcement is not yet applied if the holding's number has another parity. Numbers are never compared for
//!   order.
//! - First the holding is read, then the word is read again. The holding is changed only if the word is still the same.
//! - A token is read after the word whose swap depends on it.
//! - Every change of the word, even of only its state, first applies what the word announces.
//! - To take a dead member's holding, a process first applies what is announced, and touches the word afterwards. So
//!   the swap of a process that read the old token fails. Until then the holding is not free.
//!
//! Tested by the models in `reliability/model`.

use super::format::Holding;
use super::word::{Change, State, Word};
use crate::error::{Errno, Result};
use crate::sync::{AtomicU64, Ordering};

/// An atomic of 64 bits: the registry's, or one that a model checker watches. The methods are those of the standard one.
pub trait Atomic {
    /// How often a swap is tried. It fails only if another process's swap worked, so honest members never come near this.
    const TRIES: u32;

    /// Reads it.
    fn load(&self, order: Ordering) -> u64;

    /// Swaps `old` for `new`.
    ///
    /// # Errors
    /// - what it is, if that is not `old`
    fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> core::result::Result<u64, u64>;

    /// Called between two tries.
    fn pause();
}

impl Atomic for AtomicU64 {
    const TRIES: u32 = 1 << 22;

    #[inline(always)]
    fn load(&self, order: Ordering) -> u64 {
        AtomicU64::load(self, order)
    }

    #[inline(always)]
    fn compare_exchange(
        &self,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> core::result::Result<u64, u64> {
        AtomicU64::compare_exchange(self, old, new, success, failure)
    }

    #[inline(always)]
    fn pause() {
        core::hint::spin_loop();
    }
}

/// A segment's slot as the count needs it.
pub trait Slot {
    /// What its word and its holdings consist of.
    type Atomic: Atomic;

    /// The slot's word.
    fn word(&self) -> &Self::Atomic;
    /// A holding of the slot; `None` for an index that the slot does not have.
    fn holding(&self, index: u32) -> Option<&Holding<Self::Atomic>>;
    /// The id in the slot's facts.
    fn shmid(&self) -> u32;
    /// Whether a segment goes with its last attachment.
    fn is_forced(&self) -> bool;
    /// Notes when and by whom the announced change was made. Called by everyone who applies it.
    fn stamp(&self, announced: Word, holding: &Holding<Self::Atomic>);
}

/// A holding's count in parts: `{counts 1 | number 63}`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Count(u64);

impl Count {
    fn load(holding: &Holding<impl Atomic>) -> Count {
        Count(holding.count.load(Ordering::Acquire))
    }

    fn counts(self) -> bool {
        self.0 & 1 != 0
    }

    fn number(self) -> u64 {
        self.0 >> 1
    }

    fn next(self, counts: bool) -> Count {
        Count(u64::from(counts) | self.number().wrapping_add(1) << 1)
    }
}

/// The result of ending a holding's count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It did not count any more.
    Before,
    /// It ended now, and the segment stays.
    Now,
    /// It ended now, and this doomed the segment: the caller has to remove its file.
    Last,
}

/// Whether a holding counts, and its number then.
pub fn counted(holding: &Holding<impl Atomic>) -> Option<u64> {
    let count = Count::load(holding);
    count.counts().then(|| count.number())
}

/// Whether a holding counts under `word`: what the word announces of it overrides what the holding says.
pub(crate) fn counts_under(word: Word, index: u32, holding: &Holding<impl Atomic>) -> bool {
    let count = Count::load(holding);
    let is_to_come =
        word.change != Change::None && word.holding == index && count.number() & 1 != word.parity;
    if is_to_come {
        word.change.counts()
    } else {
        count.counts()
    }
}

/// Applies what `word` announces. False if the word has changed since. Then another process has applied it, and the word may
/// announce another change.
fn help(slot: &impl Slot, word: Word) -> bool {
    if word.change == Change::None {
        return true;
    }
    let Some(holding) = slot.holding(word.holding) else {
        return true;
    };
    let count = Count::load(holding);
    if count.number() & 1 == word.parity {
        return true;
    }
    if slot.word().load(Ordering::Acquire) != word.bits() {
        return false;
    }
    slot.stamp(word, holding);
    let next = count.next(word.change.counts());
    let _ = holding
        .count
        .compare_exchange(count.0, next.0, Ordering::AcqRel, Ordering::Relaxed);
    true
}

/// Changes the word if it is still as it was read; returns whether it was.
fn swap(slot: &impl Slot, before: u64, next: Word) -> bool {
    let swapped =
        slot.word()
            .compare_exchange(before, next.bits(), Ordering::AcqRel, Ordering::Relaxed);
    swapped.is_ok()
}

/// The word, with all that it announces applied.
///
/// # Errors
/// - `EUCLEAN` other processes change it without end
pub fn settled<S: Slot>(slot: &S) -> Result<Word> {
    for _ in 0..S::Atomic::TRIES {
        let bits = slot.word().load(Ordering::Acquire);
        let word = Word::from_bits(bits);
        if word.bits() != bits {
            // No member writes this, so a swap that expects the value as it is read would never work.
            swap(slot, bits, word);
        } else if help(slot, word) {
            return Ok(word);
        }
        S::Atomic::pause();
    }
    Err(Errno::EUCLEAN)
}

/// Swaps the word for the result of `decide` until that works. If `decide` gives `None`, the word stays.
pub fn update<S: Slot>(
    slot: &S,
    mut decide: impl FnMut(Word) -> Result<Option<Word>>,
) -> Result<Option<Word>> {
    for _ in 0..S::Atomic::TRIES {
        let word = settled(slot)?;
        let Some(next) = decide(word)? else {
            return Ok(None);
        };
        if swap(slot, word.bits(), next) {
            help(slot, next);
            return Ok(Some(next));
        }
        S::Atomic::pause();
    }
    Err(Errno::EUCLEAN)
}

/// Moves a slot to its next state while nobody is attached: before its segment is live, or once it is doomed. What the
/// word announces is applied first: the process that announced it will find another word and not apply it, and the
/// holding would count for ever. A process that reaps may change the word meanwhile; then this tries again with the new
/// word. False if the state should no longer be changed.
///
/// # Errors
/// - `EUCLEAN` other processes change the word without end
pub fn pass_on<S: Slot>(
    slot: &S,
    from: impl Fn(State) -> bool,
    to: State,
    is_to_be: impl Fn() -> bool,
) -> Result<bool> {
    for _ in 0..S::Atomic::TRIES {
        let word = settled(slot)?;
        if !from(word.state) {
            return Ok(true);
        }
        if !is_to_be() {
            return Ok(false);
        }
        let next = Word {
            total: 0,
            ..word.to_state(to)
        };
        if swap(slot, word.bits(), next) {
            return Ok(true);
        }
        S::Atomic::pause();
    }
    Err(Errno::EUCLEAN)
}

/// Makes a free holding of the member `token` count. Returns its number, by which it is ended.
///
/// # Errors
/// - `EINVAL` the slot does not have this segment any more
/// - `ESTALE` the holding is not the member's, or counts already
/// - `ENOMEM` no more attachments can be counted
pub fn attach(slot: &impl Slot, shmid: u32, index: u32, token: u64) -> Result<u64> {
    let holding = slot.holding(index).ok_or(Errno::ESTALE)?;
    let mut number = 0;
    update(slot, |word| {
        // The id is read after the state: the swap fails if the slot was given to another segment in between.
        if !word.state.has_segment() || slot.shmid() != shmid {
            return Err(Errno::EINVAL);
        }
        if word.total >= super::format::MAX_SHARES {
            return Err(Errno::ENOMEM);
        }
        let count = Count::load(holding);
        if holding.token.load(Ordering::Acquire) != token || count.counts() {
            return Err(Errno::ESTALE);
        }
        number = count.next(true).number();
        Ok(Some(word.announce(
            Change::Attach,
            index,
            count.number(),
            false,
        )))
    })?;
    Ok(number)
}

/// Ends the count of a holding, if it still counts under `number`.
///
/// # Errors
/// - `EUCLEAN` other processes change the word without end
pub fn end(slot: &impl Slot, index: u32, number: u64, change: Change) -> Result<Ended> {
    let Some(holding) = slot.holding(index) else {
        return Ok(Ended::Before);
    };
    let ended = update(slot, |word| {
        let count = Count::load(holding);
        let is_same = count.counts() && count.number() == number;
        Ok(is_same.then(|| word.announce(change, index, count.number(), slot.is_forced())))
    })?;
    Ok(outcome(ended))
}

fn outcome(ended: Option<Word>) -> Ended {
    match ended {
        None => Ended::Before,
        Some(word) if word.state == State::Doomed => Ended::Last,
        Some(_) => Ended::Now,
    }
}

/// Ends the count of a holding whose member is dead.
///
/// # Errors
/// - `EUCLEAN` other processes change the word without end
pub fn reap(slot: &impl Slot, index: u32, is_dead: &mut impl FnMut(u64) -> bool) -> Result<Ended> {
    let Some(holding) = slot.holding(index) else {
        return Ok(Ended::Before);
    };
    let ended = update(slot, |word| {
        // The token is read after the word: a new member that took the holding has touched the word.
        let token = holding.token.load(Ordering::Acquire);
        if token == 0 || !is_dead(token) {
            return Ok(None);
        }
        let count = Count::load(holding);
        Ok(count
            .counts()
            .then(|| word.announce(Change::Drop, index, count.number(), slot.is_forced())))
    })?;
    Ok(outcome(ended))
}

/// Gives a holding that is free, or whose member is dead, to `token`. Returns whether it worked.
///
/// # Errors
/// - `EUCLEAN` other processes change the word without end
pub fn take(
    slot: &impl Slot,
    index: u32,
    token: u64,
    is_dead: &mut impl FnMut(u64) -> bool,
) -> Result<bool> {
    let Some(holding) = slot.holding(index) else {
        return Ok(false);
    };
    let before = holding.token.load(Ordering::Acquire);
    if before != 0 {
        if !is_dead(before) {
            return Ok(false);
        }
        // A change that the dead member announced last is applied before another member gets the holding.
        settled(slot)?;
        if Count::load(holding).counts() {
            reap(slot, index, is_dead)?;
        }
    }
    let taken = holding
        .token
        .compare_exchange(before, token, Ordering::AcqRel, Ordering::Relaxed);
    if taken.is_err() {
        return Ok(false);
    }
    if before != 0 {
        cut_off(slot, index, holding, token)?;
    }
    Ok(true)
}

/// Frees a holding whose member is dead, by way of the member `token`. Returns whether it was there to be freed.
///
/// # Errors
/// - `EUCLEAN` other processes change the word without end
pub fn free(
    slot: &impl Slot,
    index: u32,
    token: u64,
    is_dead: &mut impl FnMut(u64) -> bool,
) -> Result<bool> {
    let taken = take(slot, index, token, is_dead)?;
    if taken && let Some(holding) = slot.holding(index) {
        give_back(holding, token);
    }
    Ok(taken)
}

/// Changes only the version in the word, so that swaps by processes that read an older word fail.
///
/// # Errors
/// - `EUCLEAN` other processes change the word without end
pub fn touch(slot: &impl Slot) -> Result<()> {
    update(slot, |word| Ok(Some(word.to_state(word.state)))).map(drop)
}

/// Changes the word, so that nobody counts the holding any more who read the dead member's token. Ends a count that
/// somebody announced for that member after [`take`] looked at it.
fn cut_off<S: Slot>(slot: &S, index: u32, holding: &Holding<S::Atomic>, token: u64) -> Result<()> {
    update(slot, |word| {
        if holding.token.load(Ordering::Acquire) != token {
            return Ok(None);
        }
        let count = Count::load(holding);
        Ok(Some(if count.counts() {
            word.announce(Change::Drop, index, count.number(), slot.is_forced())
        } else {
            word.to_state(word.state)
        }))
    })
    .map(drop)
}

/// Frees a holding of this member that does not count.
pub(crate) fn give_back(holding: &Holding<impl Atomic>, token: u64) {
    if !Count::load(holding).counts() {
        let _ = holding
            .token
            .compare_exchange(token, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}
