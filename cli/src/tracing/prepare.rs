//! What a program needs in order to be recorded: the preload, its options, a directory.

use crate::failure::Failure;
use crate::launch::{Environment, Library, Program, make_directory};
use nix::unistd::Uid;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Suffix of trace files.
const SUFFIX: &str = ".ptrace";

/// Where the trace files go.
pub(crate) struct Directory {
    path: PathBuf,
    /// Removed when dropped.
    temporary: bool,
}

impl Directory {
    /// One that stays. Made if it is not there; one that holds trace files is refused, since they would be taken for this run's.
    pub(crate) fn keep(path: &Path) -> Result<Self, Failure> {
        let failed = |why| Failure::io(format_args!("cannot use {}", path.display()), why);
        match make_directory(path, mode()) {
            Err(why) if why.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(why)),
            _ => {}
        }
        let path = path.canonicalize().map_err(failed)?;
        let mut entries = std::fs::read_dir(&path).map_err(failed)?.flatten();
        if entries.any(|entry| entry.file_name().to_string_lossy().ends_with(SUFFIX)) {
            return Err(
                Failure::new(format_args!("{} holds a recording", path.display()))
                    .advise("name another directory, or remove the files"),
            );
        }
        Ok(Self {
            path,
            temporary: false,
        })
    }

    /// One that goes when it is dropped, below TMPDIR.
    pub(crate) fn temporary() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        for number in 0..1000 {
            let path = parent.join(format!("partage-trace-{}-{number}", std::process::id()));
            match make_directory(&path, mode()) {
                Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(why) => {
                    return Err(
                        Failure::io(format_args!("cannot make {}", path.display()), why)
                            .advise("set TMPDIR to a directory that you can write to"),
                    );
                }
                Ok(()) => {
                    return Ok(Self {
                        path,
                        temporary: true,
                    });
                }
            }
        }
        Err(Failure::new(format_args!(
            "no free name in {}",
            parent.display()
        )))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.temporary {
            // What is left is in the temporary directory.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A program that root starts may become somebody else, and records on.
fn mode() -> u32 {
    if Uid::effective().is_root() {
        0o1777
    } else {
        0o700
    }
}

/// Options of the recorder.
pub(crate) struct Recorder {
    pub(crate) ring: Option<String>,
    pub(crate) depth: Option<u8>,
    pub(crate) clock: Option<String>,
    pub(crate) anonymous: bool,
}

impl Recorder {
    /// Makes a program that gets `environment` record into `directory`. To be called after the library was added: the
    /// recorder has to come before what it forwards to.
    pub(crate) fn prepare(
        &self,
        environment: &mut Environment,
        recorder: &Library,
        program: &Program,
        directory: &Directory,
    ) -> Result<(), Failure> {
        environment.preload(recorder)?;
        // A sanitizer's runtime refuses to start unless it comes first.
        for runtime in partage_report::program::sanitizer_runtimes(program.path()) {
            environment.preload_first(&runtime);
        }
        environment.set("PARTAGE_TRACE", directory.path());
        let mut set = |name, value: Option<OsString>| {
            if let Some(value) = value {
                environment.set(name, value);
            }
        };
        set("PARTAGE_TRACE_RING", self.ring.clone().map(OsString::from));
        set(
            "PARTAGE_TRACE_DEPTH",
            self.depth.map(|depth| depth.to_string().into()),
        );
        set(
            "PARTAGE_TRACE_CLOCK",
            self.clock.clone().map(OsString::from),
        );
        set(
            "PARTAGE_TRACE_ANONYMOUS",
            self.anonymous.then(|| "1".into()),
        );
        Ok(())
    }
}
