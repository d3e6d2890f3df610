//! Changing bytes: where it hurts most, and anywhere.

use super::choices::Choices;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of the prefix, in which the beginning of every table lies.
pub(super) const LEN: usize = 262_144;
const LOCK_FILES: usize = 144;
const WORDS: usize = 4096;
const KEY_INDEX: usize = WORDS + 512 * 8;
/// Where the segment slots begin in the registry.
pub const SEGMENTS: usize = KEY_INDEX + 8192 * 8;
const MEMBERS: usize = SEGMENTS + 160 * 256;
const HOLDINGS: usize = MEMBERS + 192 * 64;

/// The registry's prefix, mapped beside the library's own mapping, and how it was at first.
#[derive(Debug)]
pub struct Registry {
    words: &'static [AtomicU32],
    first: Vec<u32>,
}

impl Registry {
    /// Maps the registry of the namespace in `directory`; what it holds now is what it is put back to.
    #[must_use]
    pub fn open(directory: &Path) -> Option<Registry> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(directory.join("registry"))
            .ok()?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses a free range.
        let base = unsafe {
            libc::mmap(
                null_mut(),
                LEN,
                protection,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: a mapping of that length, which stays; atomics may be changed by others.
        let words = unsafe { std::slice::from_raw_parts(base.cast::<AtomicU32>(), LEN / 4) };
        let first = words
            .iter()
            .map(|word| word.load(Ordering::Relaxed))
            .collect();
        Some(Registry { words, first })
    }

    /// Puts everything back.
    pub fn restore(&self) {
        for (word, first) in self.words.iter().zip(&self.first) {
            if word.load(Ordering::Relaxed) != *first {
                word.store(*first, Ordering::Relaxed);
            }
        }
    }

    /// Changes one word.
    pub fn mutate(&self, choices: &mut impl Choices) {
        let offset = place(choices);
        let other = place(choices);
        let Some(word) = self.words.get(offset / 4) else {
            return;
        };
        let before = word.load(Ordering::Relaxed);
        let borrowed = self
            .words
            .get(other / 4)
            .map_or(0, |word| word.load(Ordering::Relaxed));
        word.store(value(choices, before, borrowed), Ordering::Relaxed);
    }
}

/// An offset: mostly among what is in use.
fn place(choices: &mut impl Choices) -> usize {
    let (start, len) = match choices.below(20) {
        0..=3 => (0, LOCK_FILES),
        4 => (LOCK_FILES, 4 * 8),
        5..=8 => (WORDS, 16 * 8),
        9..=11 => (SEGMENTS, 16 * 256),
        12..=13 => (MEMBERS, 16 * 64),
        14..=17 => (HOLDINGS, 64 * 32),
        18 => (KEY_INDEX, SEGMENTS - KEY_INDEX),
        _ => (0, LEN),
    };
    (start + choices.below(len)) & !3
}

fn value(choices: &mut impl Choices, before: u32, borrowed: u32) -> u32 {
    match choices.below(8) {
        0..=2 => before ^ 1 << choices.below(32),
        3 => 0,
        4 => u32::MAX,
        5 => choices.below(64) as u32,
        // What stands elsewhere: a live member's token in another's holding, one segment's word in another's.
        6 => borrowed,
        _ => choices.number() as u32,
    }
}
