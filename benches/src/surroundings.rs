//! Where workers run: which program, which library, which namespace.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::case::Case;
use crate::way::Way;

/// What stands for an ordinary user.
pub const ORDINARY_USER: u32 = 65534;

/// What workers need to know.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// This program.
    pub program: PathBuf,
    /// The library to preload.
    pub library: PathBuf,
    /// A directory that is a namespace for those who are who we are, with one beside it for ordinary users.
    pub namespace: PathBuf,
}

impl Surroundings {
    /// Makes the namespaces' directories.
    ///
    /// # Errors
    /// As mkdir(2) and chown(2).
    pub fn new(program: PathBuf, library: PathBuf, namespace: PathBuf) -> io::Result<Surroundings> {
        let new = Surroundings {
            program,
            library: library.canonicalize()?,
            namespace,
        };
        std::fs::create_dir(new.for_users())?;
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(new.for_users(), Some(ORDINARY_USER), Some(ORDINARY_USER))?;
        }
        Ok(new)
    }

    fn for_users(&self) -> PathBuf {
        self.namespace.with_extension("user")
    }

    /// Prepares `program` to be run one way or another, in a namespace of whoever it is to run as.
    pub fn set_way<'a>(
        &self,
        command: &'a mut Command,
        way: Way,
        ordinary_user: bool,
    ) -> &'a mut Command {
        command
            .env_remove("LD_PRELOAD")
            .env_remove("PARTAGE_BACKEND");
        if way == Way::Partage {
            let namespace = if ordinary_user {
                self.for_users()
            } else {
                self.namespace.clone()
            };
            command
                .env("LD_PRELOAD", &self.library)
                .env("PARTAGE_DIR", namespace);
        }
        command
    }

    /// A worker for a case.
    #[must_use]
    pub fn worker(&self, case: &Case, way: Way, command: &str) -> Command {
        let mut worker = Command::new(&self.program);
        worker.args([command, &case.name]);
        worker.args(way.api().option());
        self.set_way(&mut worker, way, case.setting.ordinary_user);
        if case.setting.ordinary_user && nix::unistd::geteuid().is_root() {
            use std::os::unix::process::CommandExt;
            worker.uid(ORDINARY_USER).gid(ORDINARY_USER);
        }
        worker
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        for directory in [self.for_users(), self.namespace.clone()] {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}
