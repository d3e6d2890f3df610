//! One thread at a time compares the table with the kernel's list of mappings: two would take one mapping for the result
//! of two calls.

use crate::os::futex;
use crate::os::process::{has_ended, pid};
use crate::sync::{AtomicU32, Ordering};

/// The turn, until it is dropped. Signals are blocked for as long, so a thread ends in its turn only together with its
/// process. The number is that process's.
pub(super) struct Turn(u32);

/// Whose turn it is: 0 for nobody's, or a process's number. It may be another one, which shares this memory.
static TURN: AtomicU32 = AtomicU32::new(0);

/// How long another thread's turn lasts at most, in milliseconds, if that thread lives.
const TURN_MS: u32 = 1000;

impl Turn {
    /// At once, or not at all.
    pub(super) fn take_now() -> Option<Turn> {
        Turn::try_take().ok()
    }

    /// The turn, or whose it is.
    fn try_take() -> Result<Turn, u32> {
        let me = pid() as u32;
        match Turn::swap(0, me) {
            Err(holder) if holder != me && has_ended(holder as i32) => Turn::swap(holder, me),
            taken => taken,
        }
    }

    fn swap(from: u32, me: u32) -> Result<Turn, u32> {
        TURN.compare_exchange(from, me, Ordering::AcqRel, Ordering::Relaxed)
            .map(|_| Turn(me))
    }

    /// `None` if another thread has it for too long.
    pub(super) fn take() -> Option<Turn> {
        for _ in 0..TURN_MS {
            match Turn::try_take() {
                Ok(turn) => return Some(turn),
                Err(holder) => {
                    let _ = futex::wait(&TURN, holder, 1);
                }
            }
        }
        Turn::take_now()
    }

    /// Also from one who has it for too long: a process that shares this memory may be stopped, or may not be known here.
    pub(super) fn take_over() -> Turn {
        Turn::take().unwrap_or_else(|| {
            let me = pid() as u32;
            TURN.store(me, Ordering::Release);
            Turn(me)
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = TURN.compare_exchange(self.0, 0, Ordering::Release, Ordering::Relaxed);
    }
}

/// In a child: the thread that had the turn is not here. The one that is has not: signals are blocked during a turn.
pub(super) fn forget_turn() {
    TURN.store(0, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_it_gives_it_up() {
        for take in [Turn::take_now, Turn::take, || Some(Turn::take_over())] {
            let turn = take();
            assert!(turn.is_some());
            assert!(Turn::take_now().is_none());
            assert!(Turn::take_now().is_none());
            drop(turn);
        }
        assert!(Turn::take_now().is_some());
    }
}
