//! Copies of stacks, from which a report learns who called: for programs without frame pointers nobody can tell that in
//! the process at a price worth paying, but the unwinding tables tell it afterwards.
//!
//! Of a stack only those words are kept that can matter: return addresses and addresses of the stack itself. Counters
//! and pointers to data go, so that calls of one place in a loop have equal stacks. An equal one is stored once, and known
//! again by its words: if the return address and the registers are those of a stack that was kept, and every kept word is
//! still in its place, then each caller's frame has the size that it had, and the chain is the same.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use partage_trace_format::Call;
use partage_trace_format::payload::{SCRIPT_MAX, STACK_WORDS, tag};

use crate::frames::{self, Site};
use crate::{file, modules, options, script, sys, thread, writer};

const WORD: usize = size_of::<usize>();
/// Stacks that are known again.
const ENTRIES: usize = 128;
/// Places where one may be.
const TRIES: usize = 4;
/// Words that are looked at in one go; this may run on a small signal stack.
const CHUNK: usize = 64;
/// On aarch64 a return address may be signed in its upper bits.
const ADDRESS: usize = if cfg!(target_arch = "aarch64") {
    (1 << 48) - 1
} else {
    usize::MAX
};

/// A stack that was stored.
#[derive(Clone, Copy)]
struct Kept {
    /// The process generation that stored it; 0 for none.
    generation: u32,
    count: usize,
    site: Site,
    /// Of what the interpreter said.
    script: u64,
    ticket: u64,
    places: [u16; STACK_WORDS],
    words: [usize; STACK_WORDS],
}

/// A thread that finds an entry busy goes on without it: no thread waits.
struct Entry {
    busy: AtomicBool,
    kept: UnsafeCell<Kept>,
}

// SAFETY: the contents are used by the one who made the entry busy only.
unsafe impl Sync for Entry {}

static KNOWN: [Entry; ENTRIES] = [const {
    Entry {
        busy: AtomicBool::new(false),
        kept: UnsafeCell::new(Kept {
            generation: 0,
            count: 0,
            site: Site {
                return_address: 0,
                frame_pointer: 0,
                stack_pointer: 0,
            },
            script: 0,
            ticket: 0,
            places: [0; STACK_WORDS],
            words: [0; STACK_WORDS],
        }),
    }
}; ENTRIES];

/// The ticket of the stack that a call is made on, stored now if it was not before; None if it cannot be had. `time` is
/// when the call began.
pub(crate) fn ticket(site: Site, time: u64) -> Option<u64> {
    let mut site = frames::complete(site)?;
    let above = site.stack_pointer..site.stack_pointer.saturating_add(options::stack());
    if !above.contains(&site.frame_pointer) {
        // Not a frame pointer: a counter perhaps, that would make equal stacks different.
        site.frame_pointer = 0;
    }
    if modules::refresh() {
        // What was loaded may be an interpreter.
        script::look_again();
    }
    if script::is_there() {
        ticket_with_script(site, time)
    } else {
        ticket_with(site, &[], time)
    }
}

/// Apart: without an interpreter nobody pays for the room.
#[cold]
#[inline(never)]
fn ticket_with_script(site: Site, time: u64) -> Option<u64> {
    let mut said = [0; SCRIPT_MAX];
    let said = script::said(site.return_address, &mut said);
    ticket_with(site, said, time)
}

fn ticket_with(site: Site, said: &[u8], time: u64) -> Option<u64> {
    let script = hash(said);
    let start = site.return_address ^ site.stack_pointer.rotate_right(4) ^ script as usize;
    let start = (start as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    for index in 0..TRIES as u64 {
        let entry = KNOWN.get((start.wrapping_add(index) % ENTRIES as u64) as usize)?;
        if entry.busy.swap(true, Ordering::Acquire) {
            continue;
        }
        // SAFETY: this thread has just made the entry busy.
        let kept = unsafe { &mut *entry.kept.get() };
        let same = kept.is_of(site, script);
        let usable = same || index + 1 == TRIES as u64 || kept.generation != thread::generation();
        let ticket = usable.then(|| kept.ticket_of(site, script, said, same, time));
        entry.busy.store(false, Ordering::Release);
        if let Some(ticket) = ticket {
            return ticket;
        }
    }
    None
}

/// In the child of a fork: an entry that another thread of the parent was busy with is free.
pub(crate) fn forked() {
    for entry in &KNOWN {
        if entry.busy.load(Ordering::Relaxed) {
            entry.busy.store(false, Ordering::Relaxed);
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0100_0000_01B3;
    bytes.iter().fold(0, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}

impl Kept {
    /// Whether this is a stack of this process, of a call at the same place.
    #[inline(always)]
    fn is_of(&self, site: Site, script: u64) -> bool {
        self.generation == thread::generation()
            && self.site.return_address == site.return_address
            && self.site.stack_pointer == site.stack_pointer
            && self.site.frame_pointer == site.frame_pointer
            && self.script == script
            && file::keeps(self.ticket)
    }

    fn ticket_of(
        &mut self,
        site: Site,
        script: u64,
        said: &[u8],
        same: bool,
        time: u64,
    ) -> Option<u64> {
        let end = frames::end_of_stack(site.stack_pointer);
        if same && self.is_in_place(end) {
            return Some(self.ticket);
        }
        if !self.scan(site, end) && same {
            return Some(self.ticket);
        }
        self.generation = 0;
        self.site = site;
        self.script = script;
        self.ticket = self.store(said, time)?;
        self.generation = thread::generation();
        Some(self.ticket)
    }

    /// Whether every kept word is where it was, on a stack that ends at `end`; 0: it is not known where.
    #[inline(always)]
    fn is_in_place(&self, end: usize) -> bool {
        let last = self.places.get(self.count.wrapping_sub(1)).copied();
        let last = usize::from(last.unwrap_or(0));
        if self.site.stack_pointer + last * WORD >= end {
            return false;
        }
        let kept = self.places.iter().zip(&self.words).take(self.count);
        kept.into_iter().all(|(place, word)| {
            let at = self.site.stack_pointer + usize::from(*place) * WORD;
            // SAFETY: between the stack pointer and the end of this thread's own stack, and aligned as the stack pointer is.
            unsafe { *(at as *const usize) == *word }
        })
    }

    /// Looks for the words that matter; whether they differ from those that were kept.
    fn scan(&mut self, site: Site, end: usize) -> bool {
        let most = site.stack_pointer.saturating_add(options::stack());
        let direct = end != 0;
        let limit = if direct { most.min(end) } else { most };
        let mut differs = false;
        let mut found = 0;
        // Where frame pointers are kept, the return address lies above each: also one of code that was made just now.
        let mut frame = site.frame_pointer;
        let mut above_frame = 0;
        let mut at = site.stack_pointer;
        let mut chunk = [0usize; CHUNK];
        while at < limit && found < STACK_WORDS {
            let count = read(at, limit, direct, &mut chunk);
            for word in chunk.iter().take(count) {
                let in_stack = *word > at && *word < limit;
                if in_stack || at == above_frame || modules::is_code(*word & ADDRESS) {
                    let place = ((at - site.stack_pointer) / WORD) as u16;
                    differs |= self.keep(found, place, *word);
                    found += 1;
                    if found == STACK_WORDS {
                        break;
                    }
                }
                if at == frame && in_stack {
                    (frame, above_frame) = (*word, at + WORD);
                }
                at += WORD;
            }
            if count < CHUNK {
                break;
            }
        }
        differs |= found != self.count;
        self.count = found;
        differs
    }

    fn keep(&mut self, index: usize, place: u16, word: usize) -> bool {
        let mut differs = index >= self.count;
        if let (Some(old_place), Some(old)) =
            (self.places.get_mut(index), self.words.get_mut(index))
        {
            differs |= *old_place != place || *old != word;
            (*old_place, *old) = (place, word);
        }
        differs
    }

    fn store(&self, said: &[u8], time: u64) -> Option<u64> {
        let count = self.count.min(STACK_WORDS);
        // SAFETY: numbers without padding, that many of them, as bytes.
        let (places, words) = unsafe {
            (
                core::slice::from_raw_parts(self.places.as_ptr().cast::<u8>(), count * 2),
                core::slice::from_raw_parts(self.words.as_ptr().cast::<u8>(), count * WORD),
            )
        };
        let site = self.site;
        let args = [
            site.stack_pointer,
            site.frame_pointer,
            site.return_address,
            0,
            0,
            0,
        ];
        let pieces = [
            (tag::PLACES, places),
            (tag::WORDS, words),
            (tag::SCRIPT, said),
        ];
        let used = if said.is_empty() { 2 } else { 3 };
        writer::kept(Call::Stack, args, pieces.get(..used)?, time)
    }
}

/// Reads words from `at` on; how many. Memory that is not known to stay there is copied by the kernel.
fn read(at: usize, limit: usize, direct: bool, into: &mut [usize; CHUNK]) -> usize {
    let count = ((limit - at) / WORD).min(CHUNK);
    if direct {
        for (index, word) in into.iter_mut().enumerate().take(count) {
            // SAFETY: below the end of this thread's own stack, and aligned as the stack pointer is.
            *word = unsafe { *((at + index * WORD) as *const usize) };
        }
        return count;
    }
    // SAFETY: the array as bytes; any bytes are numbers.
    let bytes =
        unsafe { core::slice::from_raw_parts_mut(into.as_mut_ptr().cast::<u8>(), count * WORD) };
    sys::read_memory(at, bytes).map_or(0, |read| read / WORD)
}
