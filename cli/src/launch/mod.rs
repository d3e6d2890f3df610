//! Everything `partage run` needs to start a program on the library.

mod dead;
mod elf;
mod environment;
pub(crate) mod filter;
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
pub(crate) use limits::Limits;
pub(crate) use private::{KEPT, RECORDING, STARTER, mark_in_use};
pub(crate) use program::Program;
pub(crate) use supervisor::{End, reached_the_group, receive_signals, run_private};
pub(crate) use watched::{Watch, ending, run_until_interrupted, run_watched};

pub(crate) use partage_core::inspect::DIRECTORY_MODE as NAMESPACE_MODE;

use crate::failure::{Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::identity::Person;
use crate::name::shown;
use nix::errno::Errno;
use partage_core::inspect::UNFINISHED;
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
    /// Whoever is to run it, if that is another than the caller.
    pub(crate) person: Option<Person>,
}

impl Launch {
    /// Gives up the caller's rights for those of the user who is to run the program.
    pub(crate) fn take_rights(&self) -> Result<(), Failure> {
        self.person.as_ref().map_or(Ok(()), Person::become_for_good)
    }

    /// Executes the program in place of this process. Returns only what went wrong.
    pub(crate) fn exec(&self, environment: &Environment) -> Failure {
        if self.without_kernel_sysv
            && let Err(failure) = seccomp::refuse_kernel_sysv()
        {
            return failure;
        }
        self.exec_as_it_is(environment)
    }

    /// The same, whatever the kernel's calls do.
    pub(crate) fn exec_as_it_is(&self, environment: &Environment) -> Failure {
        let name = &self.program.words[0];
        failed_exec(
            name,
            execute(name, &self.program.words, &environment.entries()),
        )
    }
}

/// execvpe(3): why it failed.
fn execute(name: &CString, words: &[CString], entries: &[CString]) -> Errno {
    let ended = |strings: &[CString]| -> Vec<_> {
        let each = strings.iter().map(|string| string.as_ptr());
        each.chain([std::ptr::null()]).collect()
    };
    let (words, entries) = (ended(words), ended(entries));
    // SAFETY: a C string, and arrays of C strings that end with null.
    unsafe { libc::execvpe(name.as_ptr(), words.as_ptr(), entries.as_ptr()) };
    Errno::last()
}

fn failed_exec(name: &CString, errno: Errno) -> Failure {
    let status = match errno {
        Errno::ENOENT => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    };
    let what = format!("cannot execute {}", crate::name::escaped(name.to_bytes()));
    Failure::io(what, errno).with_status(status)
}

/// Makes the directory of a namespace unless it exists.
pub(crate) fn make_namespace_directory(dir: &Path) -> Result<(), Failure> {
    match make_directory(dir, NAMESPACE_MODE) {
        Err(why) if why.kind() != ErrorKind::AlreadyExists => Err(Failure::io(
            format_args!("cannot make the namespace {}", shown(dir)),
            why,
        )),
        _ => Ok(()),
    }
}

/// Makes a directory with exactly this mode, whatever the umask.
pub(crate) fn make_directory(dir: &Path, mode: u32) -> io::Result<()> {
    // If this process dies in between, the library finishes the directory.
    let unfinished = if mode == NAMESPACE_MODE {
        UNFINISHED
    } else {
        0
    };
    DirBuilder::new()
        .mode(mode & 0o700 | unfinished)
        .create(dir)?;
    std::fs::set_permissions(dir, Permissions::from_mode(mode))
}
