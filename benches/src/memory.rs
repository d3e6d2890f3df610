//! Memory once it is attached: the same pages, whoever attached them?

use std::io;
use std::time::Duration;

use crate::batch::{Batch, Measured};
use crate::mark::timed;
use crate::segment::{Api, Attached, Segment};

const PAGE: usize = 4096;
const WORD: usize = size_of::<u64>();

/// A new segment for every batch, each page written once.
pub(crate) struct FirstTouch {
    pub(crate) api: Api,
    pub(crate) bytes: usize,
}

impl Batch for FirstTouch {
    /// Small segments are made often enough to have something to time; `times` is the number of pages.
    fn run(&mut self, times: u32) -> io::Result<Measured> {
        let pages = self.bytes / PAGE;
        let rounds = (times as usize / pages).clamp(1, 256);
        let mut taken = Duration::ZERO;
        for _ in 0..rounds {
            let segment = Segment::new(self.api, self.bytes, false)?;
            let attached = segment.attach()?;
            taken += timed(1, || {
                for page in 0..pages {
                    // SAFETY: the segment is attached for writing and has so many pages.
                    unsafe { attached.start.add(page * PAGE).write_volatile(1) };
                }
                Ok(())
            })?;
            attached.detach()?;
        }
        let per_page = taken.as_nanos() as f64 / (rounds * pages) as f64;
        Ok(Measured::at(per_page, times))
    }
}

/// Pages that are there, read in order or at random.
pub(crate) struct Warm {
    attached: Attached,
    words: usize,
    is_random: bool,
    state: u64,
    _segment: Segment,
}

impl Warm {
    pub(crate) fn new(api: Api, bytes: usize, is_random: bool) -> io::Result<Warm> {
        let segment = Segment::new(api, bytes, false)?;
        let attached = segment.attach()?;
        // SAFETY: the segment is attached for writing and has so many bytes.
        unsafe { attached.start.write_bytes(1, bytes) };
        Ok(Warm {
            attached,
            words: bytes / WORD,
            is_random,
            state: 0x9e37_79b9_7f4a_7c15,
            _segment: segment,
        })
    }

    fn word(&self, index: usize) -> u64 {
        // SAFETY: both ways of reading take the index modulo the number of words.
        unsafe { self.attached.start.cast::<u64>().add(index).read_volatile() }
    }

    fn sequential(&self, pages: u32) -> u64 {
        let mut sum = 0u64;
        let mut index = 0;
        for _ in 0..pages {
            for word in index..index + PAGE / WORD {
                sum = sum.wrapping_add(self.word(word));
            }
            index = (index + PAGE / WORD) % self.words;
        }
        sum
    }

    fn random(&mut self, times: u32) -> u64 {
        let mut sum = 0u64;
        for _ in 0..times {
            // Marsaglia's xorshift; each place depends on the word before, so that reads do not overlap.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            sum = sum.wrapping_add(self.word((self.state ^ sum & 1) as usize % self.words));
        }
        sum
    }
}

impl Batch for Warm {
    fn run(&mut self, times: u32) -> io::Result<Measured> {
        // All of the memory at least once, so that batches compare.
        let enough = if self.is_random {
            times
        } else {
            times.max((self.words * WORD / PAGE) as u32)
        };
        let taken = timed(1, || {
            std::hint::black_box(if self.is_random {
                self.random(enough)
            } else {
                self.sequential(enough)
            });
            Ok(())
        })?;
        Ok(Measured::at(
            taken.as_nanos() as f64 / f64::from(enough),
            times,
        ))
    }
}
