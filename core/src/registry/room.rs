//! Whether the file system can hold a new segment beside all that was promised to others. A program shall learn that it
//! cannot when it creates the segment, not by a fault later.
//!
//! To ask costs a system call. So an answer is good for the rest of the second in which it was given: until then, a
//! part of the room that was found is given out without another question. Tested by `c_tests/sysv/limit_races.c`.

use super::Registry;
use super::segment::Segment;
use crate::error::{Errno, Result};
use crate::log;
use crate::os::{clock, files, memory};
use crate::sync::Ordering;

/// Of the room that is left, one part in this many is given out without another question.
const PART: u64 = 8;

/// Pages that may still be given out, and the second in which they were found: the registry's `room` word.
#[derive(Clone, Copy)]
struct Credit {
    second: u32,
    pages: u32,
}

impl Credit {
    fn from_word(word: u64) -> Credit {
        Credit {
            second: (word >> 32) as u32,
            pages: word as u32,
        }
    }

    fn to_word(self) -> u64 {
        u64::from(self.second) << 32 | u64::from(self.pages)
    }
}

impl Registry {
    /// # Errors
    /// - `ENOMEM` the file system has no room for the segment
    #[inline(never)]
    pub(super) fn check_room(&self, segment: &Segment) -> Result<()> {
        let bytes = segment.bytes().ok_or(Errno::ENOMEM)? as u64;
        let system = files::statfs(self.path().as_c_str())?;
        if system.blocks == 0 {
            return Ok(());
        }
        let page = memory::page_size() as u64;
        let available = system.available.saturating_mul(system.block_size);
        let promised = self.pages_in_use().saturating_mul(page);
        if let Some(left) = available.checked_sub(bytes.saturating_add(promised)) {
            let pages = u32::try_from(left / PART / page).unwrap_or(u32::MAX);
            let credit = Credit {
                second: clock::now() as u32,
                pages,
            };
            self.header()
                .room
                .store(credit.to_word(), Ordering::Relaxed);
            return Ok(());
        }
        // Only if all promises together do not fit, it is worth to ask how much of them is in memory already.
        if bytes.saturating_add(self.unfilled_promises()) <= available {
            return Ok(());
        }
        Err(log::write_error(Errno::ENOMEM, |line| {
            line.str("a segment of ")
                .number(bytes)
                .str(" bytes does not fit the ")
                .number(available)
                .str(" bytes that the file system of ")
                .bytes(self.path().bytes())
                .str(" has left")
        }))
    }

    /// Takes pages from what was found lately, if there are enough.
    pub(super) fn has_credit(&self, pages: u64) -> bool {
        let now = clock::now() as u32;
        let take = |word| {
            let credit = Credit::from_word(word);
            let left = u64::from(credit.pages)
                .checked_sub(pages)
                .filter(|_| credit.second == now)?;
            Some(
                Credit {
                    pages: left as u32,
                    ..credit
                }
                .to_word(),
            )
        };
        self.header()
            .room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}
