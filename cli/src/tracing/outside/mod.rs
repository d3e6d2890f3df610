//! Recording from outside, by ptrace(2): for programs that no preload reaches. It writes the same files.
//!
//! ```text
//! run      starts a program, or takes hold of a running one; takes the stops, passes signals on
//!   └ tracer     one stop after the other: which process, which call, how it goes on
//!       ├ calls      which system calls have to do with shared memory
//!       │   └ paths      which paths lead there
//!       ├ process    a process of the run, and what is recorded of it
//!       │   ├ results    what a call has changed, and what its record tells
//!       │   ├ holdings   the shared memory of a process: descriptors and mappings
//!       │   ├ stacks     where a call was made
//!       │   └ file       the trace file
//!       └ stop       ptrace(2) itself, and a tracee's memory
//! beside   the same for a program that a recorded one executes
//! filter   the seccomp filter that stops at those calls only
//! ```
//! A program that is started runs under the filter: other calls cost it nothing. A filter cannot be put on a running
//! program, so that one stops at each of its calls.

mod beside;
mod calls;
mod file;
mod filter;
mod holdings;
mod paths;
mod process;
mod results;
mod run;
mod stacks;
mod stop;
mod tracer;

pub(crate) use beside::asked;
pub(crate) use file::monotonic;
pub(crate) use run::{attach, run};
