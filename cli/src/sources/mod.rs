//! Where snapshots come from: a namespace's registry and directory, or the kernel.

mod apart;
mod holders;
mod kernel;
mod leftovers;
mod maps;
mod namespaces;
mod objects;
mod process;
mod table;
mod user;

pub(crate) use kernel::{limits as kernel_limits, snapshot as kernel_snapshot};
pub(crate) use table::kernel_table;
pub(crate) use user::{
    Location, is_bookkeeping, locate, open, refuse_strangers, segment_of,
    snapshot as user_snapshot, table as user_table,
};

pub(crate) use leftovers::SEMAPHORE;
pub(crate) use namespaces::{Found, State, all as all_namespaces, others};
pub(crate) use objects::{is_file_open, is_open_now, open as open_object, remove as remove_object};

/// How much a snapshot tells of memory without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What was in the namespace.
    Namespace,
    /// All that there is on the machine.
    All,
}
