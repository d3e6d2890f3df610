//! The word of an entry that says what is being done to it, and by whom: every change of an entry swaps it.
//! Tested by `c_tests/process/overlapping_calls.c`.

/// What is going on with an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// It stands for nothing; its holding, if it has one, does not count.
    Idle,
    /// A thread attaches: it counts, or will, and may be mapped.
    Attaching,
    /// It is mapped and counts.
    Attached,
    /// A thread detaches: it is mapped and counts, or not any more.
    Detaching,
    /// It is mapped and counts, and its owner writes where.
    Publishing,
    /// A thread makes a segment: the id names the slot that is, or will be, claimed for it.
    Creating,
    /// Idle, and a thread is about to say that it claims it. Nothing has been done yet.
    TakenIdle,
    /// Attached, and a thread is about to say that it claims it. Nothing has been done yet.
    TakenAttached,
}

impl Stage {
    /// Of a call that maps a segment, and may have done so.
    pub(super) fn is_attach(self) -> bool {
        matches!(self, Stage::Attaching | Stage::Publishing)
    }
}

/// A stage, a tag of its owner, and how often the entry was changed, in one word: `{stage 3 | owner's tag 16 | number
/// 45}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp(u64);

impl Stamp {
    pub(super) fn stage(self) -> Stage {
        match self.0 & 7 {
            1 => Stage::Attaching,
            2 => Stage::Attached,
            3 => Stage::Detaching,
            4 => Stage::Publishing,
            5 => Stage::Creating,
            6 => Stage::TakenIdle,
            7 => Stage::TakenAttached,
            _ => Stage::Idle,
        }
    }

    /// What an entry's word says.
    pub(super) fn from_bits(bits: u64) -> Stamp {
        Stamp(bits)
    }

    /// The next one of the entry, at this stage.
    pub(super) fn next(self, stage: Stage) -> Stamp {
        Stamp((self.0 & !7).wrapping_add(1 << NUMBER) | stage as u64)
    }

    /// The same for the thread with this mark.
    pub(super) fn tagged(self, mark: usize) -> Stamp {
        Stamp(self.0 & !(TAGS << TAG) | tag(mark) << TAG)
    }

    /// Whether the thread with this mark may have claimed the entry: one in 65536 others may be taken for it.
    pub(super) fn may_be_of(self, mark: usize) -> bool {
        self.0 >> TAG & TAGS == tag(mark)
    }

    /// All of it: the entry's word.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn is_busy(self) -> bool {
        !matches!(self.stage(), Stage::Idle | Stage::Attached)
    }

    /// What it is while a thread takes it.
    pub(super) fn taken(self) -> Stage {
        if self.stage() == Stage::Attached {
            Stage::TakenAttached
        } else {
            Stage::TakenIdle
        }
    }

    /// Whether its thread has claimed it and not yet written who it is: anybody may take it away again.
    pub(super) fn is_taken(self) -> bool {
        matches!(self.stage(), Stage::TakenIdle | Stage::TakenAttached)
    }
}

const TAG: u32 = 3;
const TAGS: u64 = 0xffff;
const NUMBER: u32 = 19;

fn tag(mark: usize) -> u64 {
    (mark as u64 >> 4 ^ mark as u64 >> 20 ^ mark as u64 >> 36) & TAGS
}
