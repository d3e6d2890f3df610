//! Something that is measured, made ready to run as often as its driver asks.

use std::io;
use std::time::Duration;

/// What a batch measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    /// For all iterations.
    pub taken: Duration,
    /// For the longest; zero where it is not looked at.
    pub longest: Duration,
}

impl Measured {
    pub(crate) fn at(ns_each: f64, times: u32) -> Measured {
        Duration::from_secs_f64(ns_each * f64::from(times) / 1e9).into()
    }
}

impl From<Duration> for Measured {
    fn from(taken: Duration) -> Measured {
        Measured {
            taken,
            longest: Duration::ZERO,
        }
    }
}

/// A case that is ready.
pub trait Batch {
    /// Does it so many times.
    ///
    /// # Errors
    /// A call's own.
    fn run(&mut self, times: u32) -> io::Result<Measured>;
}
