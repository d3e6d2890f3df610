#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
//! The trace format: what the recorder writes into `<pid>-<seq>.ptrace` files and the command reads.
//!
//! One file belongs to one process image. It starts with a [`Header`] of 4096 bytes; slots of
//! 128 bytes follow. A record is one slot, or one slot and continuation slots that carry a
//! [`payload`] (a name, more return addresses, a decoded structure). `docs/trace-format.md` has the bytes.
//!
//! The decoder takes any bytes: a damaged file yields an error or fewer records, never a panic.
//!
//! ```text
//! bytes → Trace::parse → Header
//!                      → records() → Record → call, args, result, callers(), items()
//!                      → clock()   → ticks to CLOCK_MONOTONIC and CLOCK_REALTIME nanoseconds
//! ```

mod bytes;
pub mod call;
pub mod clock;
pub mod commit;
pub mod header;
pub mod payload;
pub mod record;
pub mod structs;
mod trace;

pub use call::Call;
pub use clock::Clock;
pub use header::{FormatError, Header};
pub use payload::Item;
pub use record::Record;
pub use trace::{Damage, Records, Trace};

/// Size of one slot, in bytes.
pub const SLOT_SIZE: usize = 128;

/// Offset of slot 0 in the file, in bytes: the size of the header.
pub const HEADER_SIZE: usize = 4096;

/// Most slots that one record can take (its head and its continuations).
pub const MAX_PARTS: usize = 16;

/// Payload bytes in one continuation slot: all but its commit word.
pub const PART_BYTES: usize = SLOT_SIZE - 8;

/// The file name suffix, with its dot.
pub const SUFFIX: &str = ".ptrace";
