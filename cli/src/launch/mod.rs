//! Everything `partage run` needs to start a program on the library.

mod dead;
mod elf;
mod environment;
mod library;
mod limits;
mod private;
mod program;
mod seccomp;
mod supervisor;
mod watched;

pub(crate) use dead::{DeadRun, dead_runs};
pub(crate) use environment::Environment;
pub(crate) use library::Library;
pub(crate) use limits::{Limits, parse_size};
pub(crate) use private::{KEPT, STARTER};
pub(crate) use program::Program;
pub(crate) use supervisor::run_private;
pub(crate) use watched::run_watched;

use crate::failure::{Failure, NOT_EXECUTABLE, NOT_FOUND};
use nix::errno::Errno;
use std::ffi::CString;
use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// A program ready to be executed.
pub(crate) struct Launch {
    pub(crate) program: Program,
    /// Whether the kernel's System V calls are to fail with ENOSYS.
    pub(crate) without_kernel_sysv: bool,
}

impl Launch {
    /// Executes the program in place of this process. Returns only what went wrong.
    pub(crate) fn exec(&self, environment: &Environment) -> Failure {
        if self.without_kernel_sysv
            && let Err(failure) = seccomp::refuse_kernel_sysv()
        {
            return failure;
        }
        let name = &self.program.words[0];
        let Err(errno) = nix::unistd::execvpe(name, &self.program.words, &environment.entries());
        failed_exec(name, errno)
    }
}

fn failed_exec(name: &CString, errno: Errno) -> Failure {
    let status = match errno {
        Errno::ENOENT => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    };
    let what = format!("cannot execute {}", name.to_string_lossy());
    Failure::io(what, errno).with_status(status)
}

/// Makes the directory of a namespace unless it exists.
pub(crate) fn make_namespace_directory(dir: &Path) -> Result<(), Failure> {
    match make_directory(dir, NAMESPACE_MODE) {
        Err(why) if why.kind() != ErrorKind::AlreadyExists => Err(Failure::io(
            format_args!("cannot make the namespace {}", dir.display()),
            why,
        )),
        _ => Ok(()),
    }
}

/// The mode of a namespace's directory: a process that drops its privileges can still open its
/// segments by name, each of which has its own mode; only the owner can list it or add to it.
pub(crate) const NAMESPACE_MODE: u32 = 0o711;

/// Makes a directory with exactly this mode, whatever the umask.
pub(crate) fn make_directory(dir: &Path, mode: u32) -> io::Result<()> {
    // To the library a sticky bit is the mark of a directory whose maker died: it finishes that.
    let unfinished = if mode == NAMESPACE_MODE { 0o1000 } else { 0 };
    DirBuilder::new()
        .mode(mode & 0o700 | unfinished)
        .create(dir)?;
    std::fs::set_permissions(dir, Permissions::from_mode(mode))
}
