//! Which boot of the machine this is. `/proc` names it. If that cannot be read, the clocks tell.

use super::clock;
use super::reading;
use crate::error::{Errno, Result};

/// A moment of one boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Boot {
    /// Its name in two halves; zeroes where the kernel does not say.
    pub(crate) id: [u64; 2],
    /// Milliseconds since it began.
    pub(crate) since_boot_ms: u64,
    /// Seconds between the epoch and its beginning, by the clock as it was set then.
    pub(crate) booted_at: i64,
}

const UNKNOWN: [u64; 2] = [0, 0];

/// A clock may be set by this many seconds without the boot being taken for another.
const CORRECTION: i64 = 30;

/// The boot that the machine is in.
///
/// # Errors
/// - `EMFILE`, `ENFILE`, `ENOMEM` the boot cannot be asked for now. It must not be taken for unknown: a registry in use
///   could be replaced, or one of another boot be used
pub(crate) fn current() -> Result<Boot> {
    let since_boot_ms = clock::boot_ms();
    Ok(Boot {
        id: id()?,
        since_boot_ms,
        booted_at: clock::now() - (since_boot_ms / 1000) as i64,
    })
}

impl Boot {
    /// Whether the machine is in another boot by now.
    ///
    /// # Errors
    /// - as [`current`]
    pub(crate) fn is_over(&self) -> Result<bool> {
        Ok(self.is_other(&current()?))
    }

    fn is_other(&self, now: &Boot) -> bool {
        if self.id != UNKNOWN && now.id != UNKNOWN {
            return self.id != now.id;
        }
        now.since_boot_ms < self.since_boot_ms
            || now.booted_at.abs_diff(self.booted_at) > CORRECTION.unsigned_abs()
    }
}

fn id() -> Result<[u64; 2]> {
    let mut text = [0u8; 40];
    let read = reading::read_start(c"/proc/sys/kernel/random/boot_id", &mut text);
    if let Err(error @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) = read {
        return Err(error);
    }
    let mut halves = UNKNOWN;
    let digits = text
        .iter()
        .take(read.unwrap_or(0))
        .filter_map(|&byte| (byte as char).to_digit(16));
    for (place, digit) in digits.take(32).enumerate() {
        if let Some(half) = halves.get_mut(place / 16) {
            *half = *half << 4 | u64::from(digit);
        }
    }
    Ok(halves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(id: u64, since_boot_ms: u64, booted_at: i64) -> Boot {
        Boot {
            id: [id, id],
            since_boot_ms,
            booted_at,
        }
    }

    #[test]
    fn names_decide_where_there_are_any() {
        assert!(!boot(1, 5000, 100).is_other(&boot(1, 10, 100_000)));
        assert!(boot(1, 5000, 100).is_other(&boot(2, 6000, 100)));
    }

    #[test]
    fn clocks_decide_where_there_are_none() {
        assert!(!boot(0, 5000, 100).is_other(&boot(0, 6000, 101)));
        assert!(boot(0, 5000, 100).is_other(&boot(0, 4000, 100)));
        assert!(boot(0, 5000, 100).is_other(&boot(0, 9000, 3000)));
    }
}
