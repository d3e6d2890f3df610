//! One record: take tickets, fill the slots, commit.
//!
//! No lock, no allocation, and no system call but for the rare extension of the file: it may happen in a signal handler
//! that interrupted another record, in a vfork child, in any thread.

use core::sync::atomic::{AtomicU64, Ordering};

use partage_trace_format::payload::{ITEM_HEAD, NAME_MAX, PAYLOAD_MAX, item_size, tag};
use partage_trace_format::record::{ARGS, HEAD_CALLERS, RawRecord, flag, offset};
use partage_trace_format::{Call, PART_BYTES, commit};

use crate::header::Header;
use crate::outcome::Outcome;
use crate::{clock, file, thread};

/// A tagged piece of payload.
pub(crate) type Piece<'a> = (u16, &'a [u8]);

/// Records something found out, now.
pub(crate) fn found(call: Call, args: [usize; ARGS], pieces: &[Piece<'_>]) {
    write(raw(clock::ticks(), call, Outcome::NONE, args), &[], pieces);
}

/// Records something found out at a time; its ticket.
pub(crate) fn kept(
    call: Call,
    args: [usize; ARGS],
    pieces: &[Piece<'_>],
    time: u64,
) -> Option<u64> {
    write_parts(raw(time, call, Outcome::NONE, args), &[], pieces)
}

/// A record of this thread, but for its duration and callers.
#[inline(always)]
pub(crate) fn raw(time: u64, call: Call, outcome: Outcome, args: [usize; ARGS]) -> RawRecord {
    let thread = thread::current();
    let (pid, tid) = thread.ids();
    let vfork = if thread.in_vfork_child() {
        flag::VFORK_CHILD
    } else {
        0
    };
    RawRecord {
        time,
        call: call as u16,
        flags: outcome.flags() | vfork,
        errno: outcome.errno(),
        pid,
        tid,
        result: outcome.result(),
        args: args.map(|arg| arg as u64),
        ..RawRecord::default()
    }
}

/// Writes a record into slots of its own, or counts it as dropped.
#[inline(always)]
pub(crate) fn write(mut record: RawRecord, callers: &[u64], pieces: &[Piece<'_>]) {
    // The last place of the head is the stack's where there is one.
    let in_head = HEAD_CALLERS - usize::from(record.flags & flag::STACK != 0);
    let (head, more) = callers.split_at(callers.len().min(in_head));
    for (place, address) in record.callers.iter_mut().zip(head) {
        *place = *address;
    }
    if more.is_empty() && pieces.is_empty() {
        if let Some((_, ticket)) = take(1) {
            commit_head(ticket, 1, record);
        }
    } else {
        write_parts(record, more, pieces);
    }
}

#[inline(never)]
fn write_parts(record: RawRecord, callers: &[u64], pieces: &[Piece<'_>]) -> Option<u64> {
    let callers_len = size_of_val(callers);
    let mut len = if callers.is_empty() {
        0
    } else {
        item_size(callers_len)
    };
    for (_, bytes) in pieces {
        len += item_size(bytes.len().min(NAME_MAX));
    }
    let parts = 1 + len.min(PAYLOAD_MAX).div_ceil(PART_BYTES);
    let (_, ticket) = take(parts as u64)?;
    let mut payload = Payload {
        ticket,
        part: 1,
        used: 0,
    };
    if !callers.is_empty() {
        payload.head(tag::CALLERS, callers_len);
        for address in callers {
            payload.put(&address.to_le_bytes());
        }
    }
    for (tag, bytes) in pieces {
        let bytes = bytes.get(..bytes.len().min(NAME_MAX)).unwrap_or(&[]);
        payload.head(*tag, bytes.len());
        payload.put(bytes);
        payload.put(
            [0; 3]
                .get(..bytes.len().next_multiple_of(4) - bytes.len())
                .unwrap_or(&[]),
        );
    }
    payload.close(parts);
    commit_head(ticket, parts, record);
    Some(ticket)
}

/// Takes tickets for `slots` slots; None, and counted, if there is no space.
#[inline(always)]
fn take(slots: u64) -> Option<(Header, u64)> {
    let header = file::header()?;
    let ticket = header.take_tickets(slots);
    if !file::has_space(ticket + slots) {
        return None;
    }
    if file::is_ring() && !claim_all(ticket, slots) {
        header.add_dropped(1);
        return None;
    }
    Some((header, ticket))
}

/// In a ring, makes the slots ours. A thread that still writes an older record into one of them keeps that one.
fn claim_all(ticket: u64, slots: u64) -> bool {
    for taken in 0..slots {
        if !commit_word(ticket + taken).is_some_and(|word| claim(word, ticket + taken)) {
            for undo in (ticket..ticket + taken).filter_map(commit_word) {
                undo.store(0, Ordering::Release);
            }
            return false;
        }
    }
    true
}

fn claim(word: &AtomicU64, ticket: u64) -> bool {
    let seen = word.load(Ordering::Relaxed);
    let busy = seen != 0 && commit::parts(seen) == 0;
    let overtaken = commit::ticket(seen).is_some_and(|newer| newer > ticket);
    let mine = commit::word(ticket, 0, 0);
    !busy
        && !overtaken
        && word
            .compare_exchange(seen, mine, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
}

#[inline(always)]
fn commit_word(ticket: u64) -> Option<&'static AtomicU64> {
    // SAFETY: a slot starts with its commit word, 8-aligned; slots stay mapped as long as the process image.
    file::slot(ticket).map(|slot| unsafe { &*slot.cast::<AtomicU64>() })
}

/// Fills the head slot and completes the record.
#[inline(always)]
fn commit_head(ticket: u64, parts: usize, record: RawRecord) {
    let Some(slot) = file::slot(ticket) else {
        return;
    };
    // SAFETY: the slot is ours by its ticket (in a ring by its claim), writable, and RawRecord fills it behind the commit word.
    unsafe { slot.add(offset::TIME).cast::<RawRecord>().write(record) };
    if let Some(word) = commit_word(ticket) {
        word.store(commit::word(ticket, 0, parts as u8), Ordering::Release);
    }
}

/// Writes payload bytes through continuation slots.
struct Payload {
    ticket: u64,
    part: usize,
    used: usize,
}

impl Payload {
    fn head(&mut self, tag: u16, len: usize) {
        let mut bytes = [0; ITEM_HEAD];
        let values = tag
            .to_le_bytes()
            .into_iter()
            .chain((len as u16).to_le_bytes());
        for (place, value) in bytes.iter_mut().zip(values) {
            *place = value;
        }
        self.put(&bytes);
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.used == PART_BYTES {
                self.part += 1;
                self.used = 0;
            }
            let Some(slot) = file::slot(self.ticket + self.part as u64) else {
                return;
            };
            let (now, later) = bytes.split_at(bytes.len().min(PART_BYTES - self.used));
            // SAFETY: used + now.len() is at most PART_BYTES, the room behind the commit word of a slot that is ours.
            unsafe {
                let to = slot.add(offset::TIME + self.used);
                core::ptr::copy_nonoverlapping(now.as_ptr(), to, now.len());
            }
            self.used += now.len();
            bytes = later;
        }
    }

    /// Ends the list of items and commits the continuation slots. A ring's slot may hold an old record's bytes.
    fn close(&mut self, parts: usize) {
        if self.used < PART_BYTES {
            let room = (PART_BYTES - self.used).min(ITEM_HEAD);
            self.put([0; ITEM_HEAD].get(..room).unwrap_or(&[]));
        }
        for part in 1..parts {
            if let Some(word) = commit_word(self.ticket + part as u64) {
                word.store(
                    commit::word(self.ticket + part as u64, part as u8, parts as u8),
                    Ordering::Release,
                );
            }
        }
    }
}
