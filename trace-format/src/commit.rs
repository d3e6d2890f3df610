//! The commit word, first in every slot: what tells a complete slot from a torn one.
//!
//! A ticket is the number of a slot since the recording began. The word of a complete slot names its ticket, which
//! part of its record it is and how many parts the record has. It is stored last, with release order, continuation
//! slots first and the head at the end: a head that is complete means a record that is complete.

const TICKET_BITS: u32 = 48;
const PART_BITS: u32 = 8;
const TICKET_MASK: u64 = (1 << TICKET_BITS) - 1;
const PART_MASK: u64 = (1 << PART_BITS) - 1;

/// The word of slot `ticket` that is part `part` of `parts`. With `parts` 0 the slot is claimed and not complete.
#[must_use]
pub const fn word(ticket: u64, part: u8, parts: u8) -> u64 {
    (ticket.wrapping_add(1) & TICKET_MASK)
        | (part as u64) << TICKET_BITS
        | (parts as u64) << (TICKET_BITS + PART_BITS)
}

/// The ticket of a word, if the slot was ever claimed.
#[must_use]
pub const fn ticket(word: u64) -> Option<u64> {
    (word & TICKET_MASK).checked_sub(1)
}

/// Which part of its record the slot is; 0 is the head.
#[must_use]
pub const fn part(word: u64) -> u8 {
    ((word >> TICKET_BITS) & PART_MASK) as u8
}

/// How many parts the record has; 0 if the slot is being written.
#[must_use]
pub const fn parts(word: u64) -> u8 {
    ((word >> (TICKET_BITS + PART_BITS)) & PART_MASK) as u8
}
