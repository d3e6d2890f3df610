//! Where choices come from.

use partage_tests::random::Random;

/// A source of numbers.
pub trait Choices {
    /// Any number.
    fn number(&mut self) -> u64;

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize;
}

impl Choices for Random {
    fn number(&mut self) -> u64 {
        Random::number(self)
    }

    fn below(&mut self, bound: usize) -> usize {
        Random::below(self, bound)
    }
}

/// Bytes that a fuzzer made up: each choice takes as few as it needs, so that a change of one byte is a change of one
/// choice. When they have run out, everything is 0.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Choices from these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    /// Whether they have run out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> u64 {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

impl Choices for Bytes<'_> {
    fn number(&mut self) -> u64 {
        self.take(8)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bytes = match bound {
            0..=1 => 0,
            2..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 4,
        };
        self.take(bytes) as usize % bound
    }
}
