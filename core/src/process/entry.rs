//! One entry of the table: an attachment, or a call that makes or ends one. Only the thread that has swapped the
//! entry's stamp changes it. Tested by `c_tests/process` and `reliability/tests/crash`.

use super::stamp::{Stage, Stamp};
use crate::os::process::thread_mark;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// One mapping of part of a segment, or all of it, as plain values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mapping {
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// Where in the segment it begins.
    pub(crate) offset: usize,
    pub(crate) shmid: u32,
    pub(crate) read_only: bool,
    /// The logarithm of the size of its pages if they are huge, else 0.
    pub(crate) huge_log2: u8,
    /// Tells one `shmat` from another; never 0.
    pub(crate) group: u64,
}

impl Mapping {
    pub(crate) fn end(&self) -> usize {
        self.start.saturating_add(self.len)
    }

    /// The address that the start of the segment has, or would have, in this attachment.
    pub(crate) fn base(&self) -> usize {
        self.start.wrapping_sub(self.offset)
    }
}

/// Where an entry's memory is, or may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Nowhere,
    /// From where to where.
    At(usize, usize),
    /// Where the kernel chooses, and nobody has noted it.
    Anywhere,
}

/// Entries that a thread changes, or is about to change: never fewer than are busy, so none escapes who settles. A thread
/// that ends or jumps away between counting and swapping leaves it too high for good, and each look at the entries then
/// finds none. Nobody may lower it for that: another thread may just be between the two.
static BUSY: AtomicU32 = AtomicU32::new(0);

fn less_busy() {
    let _ = BUSY.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |busy| {
        busy.checked_sub(1)
    });
}

/// Whether a thread may be changing an entry: a quick look.
pub(super) fn any_may_be_busy() -> bool {
    BUSY.load(Ordering::Acquire) != 0
}

/// No holding.
pub(super) const NO_HOLDING: u32 = 0;

/// An entry.
pub(super) struct Entry {
    stamp: AtomicU64,
    start: AtomicUsize,
    len: AtomicUsize,
    /// Where the start of the segment is, or would be. It stays if the attachment is cut, so that a cut that is only half
    /// noted still names the right pages.
    base: AtomicUsize,
    shmid: AtomicU32,
    /// Of the segment's slot, plus one; [`NO_HOLDING`] for an attachment that could not be counted.
    holding: AtomicU32,
    /// The number to end the holding's count by.
    number: AtomicU64,
    group: AtomicU64,
    /// Bit 0: for reading only; from bit 8: the logarithm of huge pages.
    flags: AtomicU32,
    /// While a fork is under way: a hint at the holding for the child, plus one.
    child: AtomicU32,
    /// The thread that changes it.
    owner: AtomicUsize,
    frame: AtomicUsize,
    /// While it is being attached: where it is to be mapped. No length if the kernel chooses.
    aim: AtomicUsize,
    aim_len: AtomicUsize,
    /// How much of it the kernel's list has; for the thread that compares.
    covered: AtomicUsize,
}

impl Entry {
    pub(super) const fn new() -> Entry {
        Entry {
            stamp: AtomicU64::new(0),
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            base: AtomicUsize::new(0),
            shmid: AtomicU32::new(0),
            holding: AtomicU32::new(0),
            number: AtomicU64::new(0),
            group: AtomicU64::new(0),
            flags: AtomicU32::new(0),
            child: AtomicU32::new(0),
            owner: AtomicUsize::new(0),
            frame: AtomicUsize::new(0),
            aim: AtomicUsize::new(0),
            aim_len: AtomicUsize::new(0),
            covered: AtomicUsize::new(0),
        }
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp::from_bits(self.stamp.load(Ordering::Acquire))
    }

    /// Changes the stage if nobody else has changed the entry since `from`.
    pub(super) fn change(&self, from: Stamp, to: Stage) -> Option<Stamp> {
        self.swap(from, from.next(to))
    }

    fn swap(&self, from: Stamp, next: Stamp) -> Option<Stamp> {
        let (was_busy, is_busy) = (from.is_busy(), next.is_busy());
        if is_busy && !was_busy {
            BUSY.fetch_add(1, Ordering::AcqRel);
        }
        let swap = self.stamp.compare_exchange(
            from.bits(),
            next.bits(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if was_busy != is_busy && was_busy == swap.is_ok() {
            less_busy();
        }
        swap.ok().map(|_| next)
    }

    pub(super) fn shmid(&self) -> u32 {
        self.shmid.load(Ordering::Relaxed)
    }

    pub(super) fn set_shmid(&self, shmid: u32) {
        self.shmid.store(shmid, Ordering::Relaxed);
    }

    /// Holding and number.
    pub(super) fn share(&self) -> (u32, u64) {
        (
            self.holding.load(Ordering::Relaxed),
            self.number.load(Ordering::Relaxed),
        )
    }

    pub(super) fn set_share(&self, holding: u32, number: u64) {
        self.holding.store(holding, Ordering::Relaxed);
        self.number.store(number, Ordering::Relaxed);
    }

    pub(super) fn set_number(&self, number: u64) {
        self.number.store(number, Ordering::Release);
    }

    pub(super) fn child(&self) -> u32 {
        self.child.load(Ordering::Relaxed)
    }

    pub(super) fn set_child(&self, holding: u32) {
        self.child.store(holding, Ordering::Relaxed);
    }

    /// The mapping that it stands for, as it is now.
    pub(super) fn mapping(&self) -> Mapping {
        let flags = self.flags.load(Ordering::Relaxed);
        let start = self.start.load(Ordering::Relaxed);
        Mapping {
            start,
            len: self.len.load(Ordering::Relaxed),
            offset: start.wrapping_sub(self.base.load(Ordering::Relaxed)),
            shmid: self.shmid(),
            read_only: flags & 1 != 0,
            huge_log2: (flags >> 8) as u8,
            group: self.group.load(Ordering::Relaxed),
        }
    }

    /// Notes which mapping it stands for. Only the thread that changes the entry calls this.
    pub(super) fn set_mapping(&self, mapping: &Mapping) {
        self.start.store(mapping.start, Ordering::Relaxed);
        self.len.store(mapping.len, Ordering::Relaxed);
        self.base.store(mapping.base(), Ordering::Relaxed);
        self.group.store(mapping.group, Ordering::Relaxed);
        let flags = u32::from(mapping.read_only) | u32::from(mapping.huge_log2) << 8;
        self.flags.store(flags, Ordering::Relaxed);
    }

    /// The mapping of an attachment, as it was at one instant.
    pub(super) fn attached(&self) -> Option<(Stamp, Mapping)> {
        self.seen_in(|stage| stage == Stage::Attached)
    }

    /// The same of one that is attached or being detached.
    pub(super) fn mapped(&self) -> Option<(Stamp, Mapping)> {
        self.seen_in(|stage| {
            matches!(
                stage,
                Stage::Attached | Stage::TakenAttached | Stage::Detaching
            )
        })
    }

    fn seen_in(&self, is_wanted: impl Fn(Stage) -> bool) -> Option<(Stamp, Mapping)> {
        loop {
            let stamp = self.stamp();
            if !is_wanted(stamp.stage()) {
                return None;
            }
            let mapping = self.mapping();
            core::sync::atomic::fence(Ordering::Acquire);
            if self.stamp() == stamp {
                return Some((stamp, mapping));
            }
        }
    }

    /// Where its thread is about to map it; no length for an address that the kernel chooses.
    pub(super) fn set_aim(&self, start: usize, len: usize) {
        self.aim_len.store(len, Ordering::Relaxed);
        self.aim.store(start, Ordering::Relaxed);
    }

    /// Whether a call that is not done may have mapped the segment at an address.
    pub(super) fn may_be_attaching(&self, shmid: u32, address: usize) -> bool {
        let (stamp, place) = self.place();
        let may_be_there = match place {
            Place::At(start, end) => (start..end).contains(&address),
            Place::Anywhere => true,
            Place::Nowhere => false,
        };
        stamp.stage().is_attach() && may_be_there && self.shmid() == shmid
    }

    pub(super) fn set_covered(&self, bytes: usize) {
        self.covered.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn covered(&self) -> usize {
        self.covered.load(Ordering::Relaxed)
    }

    /// Its stamp, and where it is mapped or may be.
    pub(super) fn place(&self) -> (Stamp, Place) {
        loop {
            let (stamp, place) = self.place_now();
            core::sync::atomic::fence(Ordering::Acquire);
            if self.stamp() == stamp {
                return (stamp, place);
            }
        }
    }

    fn place_now(&self) -> (Stamp, Place) {
        let stamp = self.stamp();
        let place = match stamp.stage() {
            Stage::Idle | Stage::TakenIdle | Stage::Creating => Place::Nowhere,
            Stage::Attached | Stage::TakenAttached | Stage::Detaching => {
                let mapping = self.mapping();
                Place::At(mapping.start, mapping.end())
            }
            Stage::Attaching | Stage::Publishing => {
                let start = self.aim.load(Ordering::Relaxed);
                match self.aim_len.load(Ordering::Relaxed) {
                    0 => Place::Anywhere,
                    len => Place::At(start, start.saturating_add(len)),
                }
            }
        };
        (stamp, place)
    }

    /// Its owner: a thread, and how deep that thread was.
    pub(super) fn owner(&self) -> (usize, usize) {
        (
            self.owner.load(Ordering::Relaxed),
            self.frame.load(Ordering::Relaxed),
        )
    }

    fn set_owner(&self, frame: usize) {
        self.owner.store(thread_mark(), Ordering::Relaxed);
        self.frame.store(frame, Ordering::Release);
    }

    /// Claims the entry for this thread, or takes it over from one that will not come back.
    ///
    /// Claims an entry that is at rest, in three steps: the entry is taken, its owner is written, and it becomes busy.
    /// Only the thread that has taken it writes the owner, so a busy entry names the right one, even if other threads tried
    /// to claim it. Before it is busy nothing has been done yet, and another thread may take it away: then this begins
    /// anew.
    pub(super) fn claim(&self, from: Stamp, to: Stage, frame: usize) -> Option<Stamp> {
        if from.is_busy() {
            return self.take(from, to, frame);
        }
        self.take(from, from.taken(), frame)
            .and_then(|stamp| self.change(stamp, to))
    }

    /// The first half of [`Entry::claim`].
    pub(super) fn take(&self, from: Stamp, first: Stage, frame: usize) -> Option<Stamp> {
        let next = from.next(first).tagged(thread_mark());
        let stamp = self.swap(from, next)?;
        self.set_owner(frame);
        Some(stamp)
    }
}
