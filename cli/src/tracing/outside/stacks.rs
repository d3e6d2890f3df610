//! The stacks on which something is made, opened or attached, as the recorder keeps them from within: of each the words that
//! can be return addresses or addresses of the stack. The report unwinds them.

use super::stop::{self, Place};
use std::collections::HashMap;

/// So much of a stack is looked at, in bytes.
const SPAN: u64 = 8192;
/// Stacks that are known again.
const MOST: usize = 4096;
const WORD: u64 = 8;

/// What is kept of a stack.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Kept {
    /// Stack pointer, frame pointer and return address, as if the place of the call had been called from there.
    pub(super) registers: [u64; 3],
    /// Distances from the stack pointer in words, 2 bytes each.
    pub(super) places: Vec<u8>,
    /// The words there, 8 bytes each.
    pub(super) words: Vec<u8>,
}

impl Kept {
    /// Of a thread that has stopped in a call; None where its frame pointer cannot be had.
    pub(super) fn of(tid: i32, place: Place, is_code: impl Fn(u64) -> bool) -> Option<Self> {
        let frame_pointer = stop::frame_pointer(tid)?;
        // A call would have pushed the return address.
        let start = place.stack.wrapping_sub(WORD);
        let mut kept = Kept {
            registers: [start, frame_pointer, place.instruction],
            places: Vec::new(),
            words: Vec::new(),
        };
        let stack = place.stack..place.stack.saturating_add(SPAN);
        let found = stop::words(tid, place.stack, SPAN as usize);
        let matters = |word: &u64| stack.contains(word) || is_code(*word);
        let found = (1u16..).zip(found).filter(|(_, word)| matters(word));
        for (index, word) in found.take(partage_trace_format::payload::STACK_WORDS) {
            kept.places.extend(index.to_le_bytes());
            kept.words.extend(word.to_le_bytes());
        }
        Some(kept)
    }
}

/// The stacks of one trace file, by the tickets of their records.
#[derive(Default)]
pub(super) struct Stacks(HashMap<Kept, u64>);

impl Stacks {
    /// The ticket of an equal stack; where there is none, `store` gives one.
    pub(super) fn ticket(&mut self, kept: Kept, store: impl FnOnce(&Kept) -> u64) -> u64 {
        if let Some(known) = self.0.get(&kept) {
            return *known;
        }
        let ticket = store(&kept);
        if self.0.len() < MOST {
            self.0.insert(kept, ticket);
        }
        ticket
    }
}
