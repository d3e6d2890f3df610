//! Where things are in the picture.

use crate::words;

pub(super) const WIDTH: f64 = 1280.0;
/// Left edge of the time axis: room for names.
pub(super) const LEFT: f64 = 290.0;
/// Right edge of the time axis: room for figures.
pub(super) const RIGHT: f64 = WIDTH - 170.0;
pub(super) const MARGIN: f64 = 16.0;

/// Nanoseconds to places in the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Scale {
    pub(super) fn x(&self, time: u64) -> f64 {
        let span = self.to.saturating_sub(self.from).max(1) as f64;
        let inside = time.clamp(self.from, self.to).saturating_sub(self.from) as f64;
        LEFT + (RIGHT - LEFT) * inside / span
    }

    /// A moment as the axis counts it.
    pub(super) fn moment(&self, time: u64) -> String {
        words::duration(time.saturating_sub(self.from))
    }
}
