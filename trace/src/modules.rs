//! Which code is mapped where, so that return addresses can be named afterwards.
//!
//! Executable mappings are recorded when a return address comes from a page not seen before and no recorded mapping
//! holds it: at the first record, and after a dlopen.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use partage_trace_format::{Call, payload::tag};

use crate::maps::{self, Mapping};
use crate::{build_id, file, frames, options, writer};

const PAGE_SHIFT: u32 = 12;
const PAGES: usize = 256;
const RANGES: usize = 512;
/// Looks at the maps that found nothing new, as with code made at run time; after these, no more.
const MAX_VAIN: u32 = 64;

/// Pages that return addresses came from, by the low bits of their number.
static KNOWN: [AtomicUsize; PAGES] = [const { AtomicUsize::new(0) }; PAGES];
/// Start and end of recorded mappings; entries from 0 to the first zero are in use.
static RECORDED: [(AtomicUsize, AtomicUsize); RANGES] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; RANGES];
static VAIN: AtomicU32 = AtomicU32::new(0);
static LOOKING: AtomicBool = AtomicBool::new(false);
/// Looks that are due because something is being loaded.
static EXPECTED: AtomicU32 = AtomicU32::new(0);
/// How many tickets were taken when mappings were recorded last; all ones: they are not recorded again.
static RECORDED_AT: AtomicU64 = AtomicU64::new(u64::MAX);
/// Between these all recorded mappings lie.
static LOWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Forgets everything: a new file begins, or a library was unloaded.
pub(crate) fn forget() {
    for page in &KNOWN {
        page.store(0, Ordering::Relaxed);
    }
    for (start, end) in &RECORDED {
        end.store(0, Ordering::Relaxed);
        start.store(0, Ordering::Relaxed);
    }
    VAIN.store(0, Ordering::Relaxed);
    LOOKING.store(false, Ordering::Relaxed);
}

/// Makes sure that the mapping of this code address is recorded.
#[inline(always)]
pub(crate) fn know(address: usize) {
    if file::is_ring() && !file::keeps_for_long(RECORDED_AT.load(Ordering::Relaxed)) {
        // The ring is about to overwrite them.
        forget();
    }
    let page = address >> PAGE_SHIFT;
    if let Some(known) = KNOWN.get(page % PAGES)
        && known.load(Ordering::Relaxed) != page
    {
        learn(address, known);
    }
}

#[cold]
#[inline(never)]
fn learn(address: usize, known: &AtomicUsize) {
    if !is_recorded(address) && VAIN.load(Ordering::Relaxed) < MAX_VAIN {
        // One thread looks; another that comes meanwhile asks again at its next call.
        if LOOKING.swap(true, Ordering::Acquire) {
            return;
        }
        let before = file::tickets();
        record_new();
        RECORDED_AT.store(again_after(before), Ordering::Relaxed);
        LOOKING.store(false, Ordering::Release);
        if !is_recorded(address) {
            VAIN.fetch_add(1, Ordering::Relaxed);
        }
    }
    known.store(address >> PAGE_SHIFT, Ordering::Relaxed);
}

/// From which ticket on a ring counts until the mappings are recorded again. Where they fill a good part of it, they
/// would leave little room for anything else, and looking at them takes long.
fn again_after(before: u64) -> u64 {
    const SHARE: u64 = 16;
    match file::tickets() {
        now if file::is_ring() && (now - before).saturating_mul(SHARE) < options::ring() => now,
        _ => u64::MAX,
    }
}

/// Whether one address lies in known code, and the other in other code.
pub(crate) fn are_apart(known: usize, other: usize) -> bool {
    let holds = |(start, end): &(AtomicUsize, AtomicUsize), address: usize| {
        (start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&address)
    };
    let range = RECORDED.iter().find(|range| holds(range, known));
    range.is_some_and(|range| !holds(range, other))
}

fn is_recorded(address: usize) -> bool {
    let held = |(start, end): &(AtomicUsize, AtomicUsize)| {
        (start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&address)
    };
    RECORDED
        .iter()
        .take_while(|(start, _)| start.load(Ordering::Relaxed) != 0)
        .any(held)
}

/// Says that something may be loaded soon.
pub(crate) fn expect() {
    // Once for a look that comes too early.
    EXPECTED.store(2, Ordering::Relaxed);
}

/// Looks at the maps if something may have been loaded since; whether it has looked.
#[inline(always)]
pub(crate) fn refresh() -> bool {
    EXPECTED.load(Ordering::Relaxed) != 0 && refresh_now()
}

/// Looks at the maps now; none is due any more.
pub(crate) fn look() {
    if refresh_now() {
        EXPECTED.store(0, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn refresh_now() -> bool {
    if LOOKING.swap(true, Ordering::Acquire) {
        return false;
    }
    let left = EXPECTED.load(Ordering::Relaxed).saturating_sub(1);
    EXPECTED.store(left, Ordering::Relaxed);
    record_new();
    LOOKING.store(false, Ordering::Release);
    true
}

/// Whether code is known to lie there.
#[inline(always)]
pub(crate) fn is_code(address: usize) -> bool {
    let (low, high) = (
        LOWEST.load(Ordering::Relaxed),
        HIGHEST.load(Ordering::Relaxed),
    );
    address >= low && address < high && is_recorded(address)
}

/// Enters a range of code.
fn enter(mapping: &Mapping<'_>) {
    let free = |(start, _): &&(AtomicUsize, AtomicUsize)| start.load(Ordering::Relaxed) == 0;
    if let Some((start, end)) = RECORDED.iter().find(free) {
        end.store(mapping.end, Ordering::Relaxed);
        start.store(mapping.start, Ordering::Relaxed);
        LOWEST.fetch_min(mapping.start, Ordering::Relaxed);
        HIGHEST.fetch_max(mapping.end, Ordering::Relaxed);
    }
}

/// Records every executable mapping that is not recorded yet.
fn record_new() {
    let mut image = (0, 0);
    maps::each(|mapping| {
        frames::learn(mapping);
        if mapping.offset == 0 && mapping.inode != 0 {
            image = (mapping.inode, mapping.start);
        }
        let same = |(start, end): &&(AtomicUsize, AtomicUsize)| {
            start.load(Ordering::Relaxed) == mapping.start
                && end.load(Ordering::Relaxed) == mapping.end
        };
        if !mapping.executable || RECORDED.iter().any(|range| same(&range)) {
            return;
        }
        enter(mapping);
        if mapping.path.is_empty() {
            // Code made at run time: its addresses are kept, and nothing else is known of it.
            return;
        }
        let args = [
            mapping.start,
            mapping.end,
            mapping.offset,
            mapping.device,
            mapping.inode,
            0,
        ];
        let mut id = [0; build_id::MAX];
        let id = match image {
            (inode, start) if inode == mapping.inode => build_id::of(start, &mut id),
            _ => &[],
        };
        let pieces = [(tag::NAME, mapping.path), (tag::BUILD_ID, id)];
        let used = if id.is_empty() { 1 } else { 2 };
        writer::found(Call::Module, args, pieces.get(..used).unwrap_or(&[]));
    });
}
