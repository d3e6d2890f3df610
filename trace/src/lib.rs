#![no_std]
#![deny(clippy::indexing_slicing)]
//! The recorder: a preloaded library that forwards every function which may concern shared memory to its next
//! definition, libc's or partage's, and writes down those calls that do.
//!
//! ```text
//! exports, shortcuts, execl, vfork   the C symbols: argument registers, return address, frame pointer
//! captured, capture/      calls by number, functions found by a handle of the C library: led to the same hooks
//!   └ hooks/                what each call means; forwards by `next` (or `fallback`), asks the tables, records
//!       ├ descriptors, mappings, sizes, found, places   what is shared memory in this process
//!       └ recorder          a call from its beginning to its record
//!           ├ process                             whether to record; the start, forks
//!           ├ stacks, frames, script              where the call came from
//!           ├ modules, build_id, maps             what code lies where
//!           └ writer, outcome                     one record into its slots
//!               ├ file, header, clock             the mapped file
//!               └ thread, blocks                  a block for each thread
//! constructor, death        before the program starts; a bus error
//! options, text, once, sys, signals  environment, bytes, system calls
//! ```
//! Rules for all of it: no allocation, no lock that a signal handler or another thread could wait for, no descriptor kept,
//! errno left as the program's call set it, no output.

#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("the recorder knows 64-bit Linux on x86-64 and aarch64");

mod blocks;
mod build_id;
mod captured;
mod clock;
mod constructor;
mod death;
mod descriptors;
mod execl;
mod exports;
mod fallback;
mod file;
mod found;
mod frames;
mod header;
mod hooks;
mod ipc;
mod java;
mod mappings;
mod maps;
mod modules;
mod next;
mod once;
mod options;
mod outcome;
mod outside;
mod places;
mod process;
mod python;
mod recorder;
mod script;
mod shortcuts;
mod signals;
mod sizes;
mod stacks;
mod sys;
mod text;
mod thread;
mod trampoline;
mod usual;
mod vfork;
mod writer;

use partage_runtime as _;
