//! Members, for the tests.

use crate::kernel;
use crate::registry::Registry;
use crate::registry::members::{Liveness, Prober, Token};

/// What the processes share.
pub struct Namespace(Registry);

/// A process that has joined.
pub struct Member(Liveness);

impl Member {
    /// Names it for all time.
    #[must_use]
    pub fn token(&self) -> u32 {
        self.0.token.bits()
    }

    /// Its slot.
    #[must_use]
    pub fn slot(&self) -> u32 {
        self.0.token.index()
    }

    /// Gives its slot up.
    pub fn release(self) {
        self.0.release();
    }
}

impl Namespace {
    /// One without members.
    #[must_use]
    #[allow(
        clippy::new_without_default,
        reason = "a modelled atomic exists inside a model only"
    )]
    pub fn new() -> Namespace {
        Namespace(Registry::new())
    }

    /// This thread joins as a process of that number; `None` when all slots are taken.
    #[must_use]
    pub fn join(&self, process: u32) -> Option<Member> {
        kernel::be(process);
        self.0.claim_member(process as i32).ok().map(Member)
    }

    /// This thread joins, and is killed in the middle of it, with the lock of a slot and without a token.
    pub fn die_joining(&self, process: u32) {
        kernel::doom();
        let joined = std::panic::AssertUnwindSafe(|| self.join(process).is_some());
        assert!(std::panic::catch_unwind(joined).is_err(), "it lived on");
        kernel::exit(process);
    }

    /// Whether a member lives, as another process finds out.
    #[must_use]
    pub fn is_alive(&self, token: u32) -> bool {
        Prober::new(&self.0, None).is_alive(Token::from_bits(token))
    }
}
