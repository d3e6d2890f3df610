#![cfg_attr(not(test), no_std)]
//! System V and POSIX shared memory in user space: everything behind the C ABI.
//!
//! `sysv | posix → process → registry → os`: a module uses only what lies to its right. The way of a call is the
//! file of its name: `sysv/attach.rs` asks `process/` for this process's own state, `registry/` for what the
//! processes of the namespace share, and `os/` for system calls. Tested by what each module names.

#[cfg(test)]
extern crate std;
#[cfg(test)]
#[allow(unused_imports, reason = "not every test module needs all of it")]
use std::prelude::v1::*;

pub mod api;
pub mod backend;
mod error;
pub mod inspect;
mod log;
pub mod mapping;
mod namespace;
pub mod options;
pub mod os;
pub mod posix;
pub mod process;
pub mod registry;
mod sync;
pub mod sysv;
pub mod text;

pub use error::{Errno, Result};
