#![no_std]
//! The C ABI of partage: every exported function, and nothing else.
//!
//! A call comes in through `abi/sysv_calls.rs`, `abi/posix_calls.rs` or `abi/mapping_calls.rs`, is decoded there, goes
//! to the function of the same name in `partage-core`, and its result is encoded as C expects: a value, or -1 and errno.

mod abi;
mod constructors;
mod runtime;
