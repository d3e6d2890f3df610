//! Which code is mapped where, so that return addresses can be named afterwards.
//!
//! Executable mappings are recorded when a return address comes from a page not seen before and no recorded mapping
//! holds it: at the first record, and after a dlopen.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use partage_trace_format::{Call, payload::tag};

use crate::{maps, recorder};

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
        record_new();
        LOOKING.store(false, Ordering::Release);
        if !is_recorded(address) {
            VAIN.fetch_add(1, Ordering::Relaxed);
        }
    }
    known.store(address >> PAGE_SHIFT, Ordering::Relaxed);
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

/// Records every executable mapping that is not recorded yet.
fn record_new() {
    maps::each(|mapping| {
        let same = |(start, end): &&(AtomicUsize, AtomicUsize)| {
            start.load(Ordering::Relaxed) == mapping.start
                && end.load(Ordering::Relaxed) == mapping.end
        };
        if !mapping.executable
            || mapping.path.is_empty()
            || RECORDED.iter().any(|range| same(&range))
        {
            return;
        }
        if let Some((start, end)) = RECORDED
            .iter()
            .find(|(start, _)| start.load(Ordering::Relaxed) == 0)
        {
            end.store(mapping.end, Ordering::Relaxed);
            start.store(mapping.start, Ordering::Relaxed);
        }
        let args = [
            mapping.start,
            mapping.end,
            mapping.offset,
            mapping.device,
            mapping.inode,
            0,
        ];
        recorder::found(Call::Module, args, &[(tag::NAME, mapping.path)]);
    });
}
