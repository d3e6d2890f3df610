#![no_std]
//! The object to preload: the C ABI of partage as the library has it, and what a preload needs besides to reach callers
//! that would pass it by.
//!
//! - `dlopen` clears `RTLD_DEEPBIND`, with which a plugin would prefer the C library's calls to those preloaded.
//! - `syscall` answers the four System V calls, which some programs make by number after they have overwritten the
//!   first instructions of the functions of that name.
//!
//! Both are entered and left without a trace: every other call jumps to the next definition with its registers, its
//! stack and its return address as they came. `dlopen` needs that, since it searches for its caller.

#[path = "../../src/abi/mod.rs"]
mod abi;
#[path = "../../src/constructors.rs"]
mod constructors;
#[path = "../../src/runtime.rs"]
mod runtime;

mod by_number;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
mod entry;
mod next;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the entry points of dlopen and syscall are written for x86-64 and aarch64");
