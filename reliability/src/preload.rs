//! Starts this program again with the shared object preloaded, in a namespace of its own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Set in a program that was started again.
const INSIDE: &str = "PARTAGE_RELIABILITY_INSIDE";

/// The shared object: in `PARTAGE_TEST_RELEASE`, or built for release beside this program.
///
/// # Errors
/// What the build printed.
pub fn shared_object() -> Result<PathBuf, String> {
    partage_tests::artefacts::object("partage", "libpartage.so")
}

/// A namespace's directory, removed with all that is in it at the end.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// A new directory in memory.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn new(name: &str) -> io::Result<Directory> {
        Directory::new_in(Path::new("/dev/shm"), name)
    }

    /// A new directory elsewhere.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn new_in(parent: &Path, name: &str) -> io::Result<Directory> {
        let path = parent.join(format!("partage-test-{name}-{}", std::process::id()));
        DirBuilder::new()
            .mode(partage_core::inspect::DIRECTORY_MODE)
            .create(&path)?;
        Ok(Directory { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Runs `inside` in this program started again, with the shared object preloaded and `PARTAGE_DIR` set to a directory
/// of its own, which is removed when the program ends, however it ends. To be called first in `main`.
pub fn main(name: &str, inside: impl FnOnce(&Path) -> ExitCode) -> ExitCode {
    if std::env::var_os(INSIDE).is_some() {
        let directory = std::env::var_os("PARTAGE_DIR").unwrap_or_default();
        return inside(Path::new(&directory));
    }
    match start_again(name) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_again(name: &str) -> Result<ExitCode, String> {
    let object = shared_object()?;
    let directory = Directory::new(name).map_err(|error| error.to_string())?;
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let status = Command::new(exe)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .env("LD_PRELOAD", object)
        .env("PARTAGE_DIR", directory.path())
        .status()
        .map_err(|error| error.to_string())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map(ExitCode::from)
        .ok_or_else(|| format!("{name}: {status}"))
}

/// Runs `body` with `place` as the namespace of this process's children. The process has one thread, and has not used
/// the library.
pub fn with_namespace<T>(place: &Path, body: impl FnOnce(&Path) -> T) -> T {
    let before = std::env::var_os("PARTAGE_DIR").unwrap_or_default();
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("PARTAGE_DIR", place) };
    let result = body(place);
    // SAFETY: as above.
    unsafe { std::env::set_var("PARTAGE_DIR", before) };
    result
}
