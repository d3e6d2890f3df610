#![no_std]
#![deny(clippy::indexing_slicing)]
//! The recorder: a preloaded library that forwards every function which may concern shared memory to its next
//! definition, libc's or partage's, and writes down those calls that do.
//!
//! ```text
//! exports, shortcuts, execl, vfork   the C symbols: argument registers, return address, frame pointer
//!   └ hooks/                what each call means; forwards by `next` (or `fallback`), asks the tables, records
//!       ├ descriptors, mappings, sizes, found     what is shared memory in this process
//!       └ recorder          one record into its slots
//!           ├ frames, modules, maps               where the call came from
//!           └ file, header, clock                 the mapped file
//! process                   whether to record; constructor; forks          thread   per-thread block
//! options, text, once, sys  environment, bytes, system calls
//! ```
//! Rules for all of it: no allocation, no lock that a signal handler or another thread could wait for, no descriptor kept,
//! errno left as the program's call set it, no output.

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("the recorder knows 64-bit Linux on x86-64 and aarch64");

mod clock;
mod descriptors;
mod execl;
mod exports;
mod fallback;
mod file;
mod found;
mod frames;
mod header;
mod hooks;
mod mappings;
mod maps;
mod modules;
mod next;
mod once;
mod options;
mod process;
mod recorder;
#[path = "../../src/runtime.rs"]
mod runtime;
mod shortcuts;
mod sizes;
mod sys;
mod text;
mod thread;
mod vfork;
