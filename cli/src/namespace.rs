//! `--dir`, `--backend` and `--user`: which namespace a subcommand works on, and as whom.

use crate::failure::Failure;
use crate::identity::Person;
use crate::model::Snapshot;
use crate::name::quoted;
use crate::sources::{self, Extent, Location};
use clap::ValueEnum;
use nix::unistd::Uid;
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

    /// As USER: the namespace that programs of USER's would use, and with USER's rights (for root)
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
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
        self.snapshot_with(Extent::Namespace)
    }

    /// The same, and as much of memory without a name as is wanted.
    pub(crate) fn snapshot_with(&self, extent: Extent) -> Result<Snapshot, Failure> {
        match self.backend {
            Backend::Kernel => sources::kernel_snapshot(extent),
            Backend::User => sources::user_snapshot(self.locate()?, extent),
        }
    }

    /// Where the namespace is; `None` where there is none yet. It is looked for as the user would.
    pub(crate) fn locate(&self) -> Result<Option<Location>, Failure> {
        let dir = self.dir.as_deref();
        let Some(person) = self.person()? else {
            return sources::locate(dir);
        };
        adopt_environment(&person);
        person.act(|| sources::locate(dir))?
    }

    /// What says the same to another command, with a blank in front; nothing where nothing was said.
    pub(crate) fn words(&self) -> String {
        let dir = self.dir.as_deref();
        let dir = dir.map(|dir| format!(" --dir {}", quoted(dir)));
        let user = self.user.as_deref();
        let user = user.map(|user| format!(" --user {}", quoted(Path::new(user))));
        dir.into_iter().chain(user).collect()
    }

    /// Whether nobody has named a namespace: then it is the one of this user's programs.
    pub(crate) fn is_default(&self) -> bool {
        let is_named = self.dir.is_some() || std::env::var_os("PARTAGE_DIR").is_some();
        !is_named && self.backend == Backend::User
    }

    /// The user to act as.
    pub(crate) fn person(&self) -> Result<Option<Person>, Failure> {
        self.user.as_deref().map(Person::find).transpose()
    }

    /// The user whose things are meant.
    pub(crate) fn acting(&self) -> Result<Uid, Failure> {
        let person = self.person()?;
        Ok(person.map_or_else(Uid::effective, |person| person.uid))
    }

    /// Takes the user's rights, before something is changed.
    pub(crate) fn become_user(&self) -> Result<(), Failure> {
        match self.person()? {
            Some(person) => {
                adopt_environment(&person);
                person.become_for_good()
            }
            None => Ok(()),
        }
    }
}

/// What root's environment says of places is not this user's.
fn adopt_environment(person: &Person) {
    if Uid::effective() != person.uid {
        set_or_remove("XDG_RUNTIME_DIR", person.runtime_directory().as_deref());
        set_or_remove("PARTAGE_DIR", None);
    }
}

fn set_or_remove(name: &str, value: Option<&Path>) {
    // SAFETY: this process has one thread.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// What the namespace in `dir` holds now.
pub(crate) fn snapshot_of(dir: &Path) -> Result<Snapshot, Failure> {
    sources::user_snapshot(sources::locate(Some(dir))?, Extent::Namespace)
}
