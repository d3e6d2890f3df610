//! The `partage` command, end to end, as a user would run it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, and fail in this way"
)]

mod completion;
mod contents;
mod doctor;
mod elsewhere;
mod fixture;
mod help;
mod holders;
mod init;
mod json;
mod leftovers;
mod ls;
mod rm;
mod run;
mod run_private;
mod states;
mod strange;
mod support;
mod terminal;
mod top;
