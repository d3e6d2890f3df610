//! What `trace` and `report` share.
//!
//! ```text
//! options   what to show, and how            prepare   the environment that makes a program record
//! follow    text while the program runs      show      everything else, from the whole recording
//! afterwards   what the system holds before and when it is over
//! outside/  recording by ptrace(2), for what no preload reaches
//! known     leaks that are not told         habits    strace's words
//! namespaces   those that recorded programs name themselves
//! limits    what the recording cannot say
//! ```

mod afterwards;
mod follow;
mod habits;
mod known;
mod limits;
mod namespaces;
mod options;
pub(crate) mod outside;
mod prepare;
mod show;

pub(crate) use afterwards::{Before, System, ipc_namespace};
pub(crate) use follow::{Follower, Patience};
pub(crate) use known::check;
pub(crate) use namespaces::note as note_namespace;
pub(crate) use options::Options;
pub(crate) use prepare::{Directory, Recorder};
pub(crate) use show::{show, show_changes};
