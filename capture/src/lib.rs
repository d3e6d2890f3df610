#![no_std]
//! How a preloaded object reaches callers that would pass it by. The recorder and the preload share it.
//!
//! | call | what is done |
//! |---|---|
//! | `dlopen`, `dlmopen` | `RTLD_DEEPBIND` is cleared: with it a plugin would prefer the C library's calls to those preloaded |
//! | `dlmopen` of a new namespace | it is noted: that namespace has a C library of its own, and nothing of ours in it |
//! | `dlsym`, `dlvsym` by a handle | where the C library's function is found, and the object stands in for it, the object's is given |
//! | `syscall` | calls by number go to the object's functions of that meaning |
//! | `__asan_default_options` | AddressSanitizer's runtime is told to start behind the object |
//!
//! All else jumps to the next definition with its registers, its stack and its return address as they came: `dlopen`
//! searches for its caller, and so does `dlsym` for `RTLD_NEXT` and `RTLD_DEFAULT`. Those two find a preloaded object by
//! themselves; a library that stands in for a function too, and asks for the next one, must not be led in a circle.
//!
//! An object says by [`entry_points`] what it stands in for, and exports these functions.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod entry;
mod export;
pub mod lookup;
pub mod next;
mod numbers;
mod objects;
mod sanitizer;
mod tables;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use entry::KEPT_FLAGS;
pub use export::{Captured, Export};
pub use numbers::{ByNumber, NUMBERS, Numbers};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the entry points of dlopen, dlsym and syscall are written for x86-64 and aarch64");
