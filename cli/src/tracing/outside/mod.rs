//! Recording from outside, by ptrace(2): for programs that no preload reaches. It writes the same files.
//!
//! ```text
//! run      starts a program, or takes hold of a running one; takes the stops, passes signals on
//!   └ tracer     one stop after the other: which process, which call, how it goes on
//!       ├ calls      what each system call means, and what is shared memory in a process
//!       ├ paths      which paths lead to shared memory
//!       ├ stop       ptrace(2) itself, and a tracee's memory
//!       └ file       the trace file
//! beside   the same for a program that a recorded one executes
//! filter   the seccomp filter that stops at those calls only
//! ```
//! A program that is started runs under the filter: other calls cost it nothing. A filter cannot be put on a running
//! program, so that one stops at each of its calls.

mod beside;
mod calls;
mod file;
mod filter;
mod paths;
mod run;
mod stop;
mod tracer;

pub(crate) use beside::asked;
pub(crate) use run::{attach, run};
