//! `--dir` and `--backend`: which namespace a subcommand works on.

use crate::failure::Failure;
use crate::model::Snapshot;
use crate::sources;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// Which namespace to look at
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Choice {
    /// The namespace DIR instead of `PARTAGE_DIR` or the default one
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Whose segments: partage's own, or those that the kernel keeps
    #[arg(long, value_enum, default_value_t = Backend::User)]
    pub(crate) backend: Backend,
}

/// Who keeps the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// This library, in a directory
    User,
    /// The kernel, in this process's IPC namespace
    Kernel,
}

impl Choice {
    /// What the namespace holds now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Failure> {
        match self.backend {
            Backend::Kernel => sources::kernel_snapshot(),
            Backend::User => sources::user_snapshot(self.dir.as_deref()),
        }
    }
}

/// What the namespace in `dir` holds now.
pub(crate) fn snapshot_of(dir: &Path) -> Result<Snapshot, Failure> {
    sources::user_snapshot(Some(dir))
}
