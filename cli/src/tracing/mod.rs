//! What `trace` and `report` share.
//!
//! ```text
//! options   what to show, and how            prepare   the environment that makes a program record
//! follow    text while the program runs      show      everything else, from the whole recording
//! limits    what the recording cannot say
//! ```

mod follow;
mod limits;
mod options;
mod prepare;
mod show;

pub(crate) use follow::Follower;
pub(crate) use options::Options;
pub(crate) use prepare::{Directory, Recorder};
pub(crate) use show::show;
