//! Which descriptors of this process stand for shared memory: one bit each.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::thread;

/// Descriptors below this are tracked; the usual hard limit of open files.
pub(crate) const TRACKED: usize = 1 << 20;
const BITS: usize = u64::BITS as usize;

/// Untouched pages of it cost no memory. Also read by `shortcuts.rs`, in assembly.
pub(crate) static SHARED: [AtomicU64; TRACKED / BITS] =
    [const { AtomicU64::new(0) }; TRACKED / BITS];

fn place(fd: c_int) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    SHARED.get(fd / BITS).map(|word| (word, 1 << (fd % BITS)))
}

/// Whether `fd` stands for shared memory.
#[inline(always)]
pub(crate) fn is_shared(fd: c_int) -> bool {
    place(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

/// Notes what `fd` stands for; false if it is too high to be tracked. A vfork child has its own descriptors but
/// its parent's memory: what it does is not noted.
pub(crate) fn note(fd: c_int, shared: bool) -> bool {
    let Some((word, bit)) = place(fd) else {
        return !shared || fd < 0;
    };
    if thread::current().in_vfork_child() || shared == is_shared(fd) {
        return true;
    }
    if shared {
        word.fetch_or(bit, Ordering::Relaxed);
    } else {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
    true
}

/// The bits of word `index` that lie in `first..=last`.
fn mask(index: usize, first: usize, last: usize) -> u64 {
    let start = index * BITS;
    let low = u64::MAX
        .checked_shl(first.saturating_sub(start) as u32)
        .unwrap_or(0);
    let high = match (last + 1).saturating_sub(start) {
        0 => 0,
        count if count >= BITS => u64::MAX,
        count => (1 << count) - 1,
    };
    low & high
}

/// Whether one of `first..=last` stands for shared memory; with `forget`, none does afterwards.
pub(crate) fn any_shared(first: u32, last: u32, forget: bool) -> bool {
    let (first, last) = (first as usize, (last as usize).min(TRACKED - 1));
    let forget = forget && !thread::current().in_vfork_child();
    let mut found = false;
    let words = SHARED
        .iter()
        .enumerate()
        .take(last / BITS + 1)
        .skip(first / BITS);
    for (index, word) in words {
        let mask = mask(index, first, last);
        if word.load(Ordering::Relaxed) & mask == 0 {
            continue;
        }
        found = true;
        if forget {
            word.fetch_and(!mask, Ordering::Relaxed);
        }
    }
    found
}
