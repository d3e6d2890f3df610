//! What the harnesses share. Each of them is a program that starts itself again with the shared object preloaded, so
//! that the calls of libc below are the shipped ones; the view from outside is that of `partage_core::inspect`.

pub mod calls;
mod child;
pub mod examine;
pub mod hostile;
#[cfg(target_arch = "x86_64")]
pub mod points;
pub mod preload;
pub mod report;
#[cfg(target_arch = "x86_64")]
pub mod scenarios;
pub mod steady;
pub mod tracee;
