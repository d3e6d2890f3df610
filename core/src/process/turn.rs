//! One thread at a time compares the table with the kernel's list of mappings: two would take one mapping for the result
//! of two calls.

use crate::os::futex;
use crate::sync::{AtomicU32, Ordering};

/// The turn, until it is dropped. Signals are blocked for as long.
pub(super) struct Turn(());

static TURN: AtomicU32 = AtomicU32::new(0);

/// How long another thread's turn lasts at most, in milliseconds, if that thread lives.
const TURN_MS: u32 = 1000;

impl Turn {
    /// At once, or not at all.
    pub(super) fn take_now() -> Option<Turn> {
        TURN.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            // Only if it is: a turn that is made in vain would be dropped, and so given up.
            .then(|| Turn(()))
    }

    /// `None` if another thread has it for too long.
    pub(super) fn take() -> Option<Turn> {
        for _ in 0..TURN_MS {
            if let Some(turn) = Turn::take_now() {
                return Some(turn);
            }
            let _ = futex::wait(&TURN, 1, 1);
        }
        Turn::take_now()
    }

    /// Also from one who has it for too long: a process that shared this memory, and was killed.
    pub(super) fn take_over() -> Turn {
        Turn::take().unwrap_or_else(|| Turn(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.store(0, Ordering::Release);
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
