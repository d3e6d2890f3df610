//! Bytes and files that change under a process that uses them: what is changed, and the process. The test or fuzz target
//! says where the choices come from, a seed or a fuzzer's bytes, and what answers the calls.

mod calls;
mod choices;
mod mutate;
mod tricks;
mod victim;

pub use calls::{Calls, Core, Libc};
pub use choices::{Bytes, Choices};
pub use mutate::{Registry, SEGMENTS};
pub use tricks::{TRICKS, Trick};
pub use victim::{Victim, repair, view};
