//! Ticks and time.

/// Where `time` and `duration` of the records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    Monotonic,
    /// The processor's counter (`rdtsc`, `cntvct_el0`), which runs at one rate on all processors.
    Counter,
}

impl ClockKind {
    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            ClockKind::Monotonic => 0,
            ClockKind::Counter => 1,
        }
    }

    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(ClockKind::Monotonic),
            1 => Some(ClockKind::Counter),
            _ => None,
        }
    }
}

/// The three clocks, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ClockReading {
    /// The record clock, in its own ticks.
    pub ticks: u64,
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub monotonic: u64,
    /// `CLOCK_REALTIME`, in nanoseconds since 1970.
    pub realtime: u64,
}

/// Turns the ticks of one file into nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    kind: ClockKind,
    first: ClockReading,
    last: ClockReading,
}

impl Clock {
    pub(crate) const fn new(kind: ClockKind, first: ClockReading, last: ClockReading) -> Self {
        Clock { kind, first, last }
    }

    /// The unit of the ticks.
    #[must_use]
    pub const fn kind(&self) -> ClockKind {
        self.kind
    }

    /// Ticks between the two readings that the scale comes from: the more, the better the scale.
    #[must_use]
    pub const fn span(&self) -> u64 {
        self.last.ticks.saturating_sub(self.first.ticks)
    }

    /// A span of ticks in nanoseconds. A counter file with only one reading of the clocks counts a tick as a nanosecond.
    #[must_use]
    pub fn duration_ns(&self, ticks: u64) -> u64 {
        let span_ticks = self.last.ticks.saturating_sub(self.first.ticks);
        let span_ns = self.last.monotonic.saturating_sub(self.first.monotonic);
        if self.kind == ClockKind::Monotonic || span_ticks == 0 || span_ns == 0 {
            return ticks;
        }
        let scaled = u128::from(ticks).saturating_mul(u128::from(span_ns));
        let ns = scaled.checked_div(u128::from(span_ticks)).unwrap_or(0);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// A record's time as `CLOCK_MONOTONIC` nanoseconds.
    #[must_use]
    pub fn monotonic_ns(&self, ticks: u64) -> u64 {
        match ticks.checked_sub(self.first.ticks) {
            Some(after) => self.first.monotonic.saturating_add(self.duration_ns(after)),
            None => {
                let before = self.first.ticks.saturating_sub(ticks);
                self.first
                    .monotonic
                    .saturating_sub(self.duration_ns(before))
            }
        }
    }

    /// A record's time as nanoseconds since 1970, by the wall clock at the start of the file.
    #[must_use]
    pub fn realtime_ns(&self, ticks: u64) -> u64 {
        let since_boot = self.monotonic_ns(ticks);
        match since_boot.checked_sub(self.first.monotonic) {
            Some(after) => self.first.realtime.saturating_add(after),
            None => self
                .first
                .realtime
                .saturating_sub(self.first.monotonic.saturating_sub(since_boot)),
        }
    }
}
