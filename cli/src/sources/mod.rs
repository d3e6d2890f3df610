//! Where snapshots come from: a namespace's registry and directory, or the kernel.

mod kernel;
mod maps;
mod objects;
mod process;
mod user;

pub(crate) use kernel::snapshot as kernel_snapshot;
pub(crate) use process::command_of;
pub(crate) use user::{Location, locate, open, snapshot as user_snapshot};
