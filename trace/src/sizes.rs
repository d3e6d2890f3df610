//! Sizes of System V segments by id, as far as this process has met them.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering};

const ENTRIES: usize = 256;

/// `id` is the id + 1, 0 while the entry is empty or changing.
struct Entry {
    id: AtomicU64,
    size: AtomicU64,
}

static CACHE: [Entry; ENTRIES] = [const {
    Entry {
        id: AtomicU64::new(0),
        size: AtomicU64::new(0),
    }
}; ENTRIES];

fn entry(id: c_int) -> Option<(&'static Entry, u64)> {
    let id = u64::try_from(id).ok()?;
    CACHE
        .get(id as usize % ENTRIES)
        .map(|entry| (entry, id + 1))
}

/// Notes the size of segment `id`, in bytes.
pub(crate) fn note(id: c_int, size: u64) {
    if let Some((entry, tag)) = entry(id) {
        entry.id.store(0, Ordering::Relaxed);
        entry.size.store(size, Ordering::Release);
        entry.id.store(tag, Ordering::Release);
    }
}

/// The size of segment `id` in bytes, if it is known.
pub(crate) fn get(id: c_int) -> Option<u64> {
    let (entry, tag) = entry(id)?;
    if entry.id.load(Ordering::Acquire) != tag {
        return None;
    }
    let size = entry.size.load(Ordering::Acquire);
    (entry.id.load(Ordering::Relaxed) == tag).then_some(size)
}

/// Forgets segment `id`: its number may come to mean another one.
pub(crate) fn forget(id: c_int) {
    if let Some((entry, tag)) = entry(id) {
        let _ = entry
            .id
            .compare_exchange(tag, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}
