//! What a program needs in order to be recorded: the preload, its options, a directory.

use crate::failure::Failure;
use crate::launch::{Environment, Library, Program, RECORDING, make_directory, mark_in_use};
use crate::name::shown;
use nix::unistd::Uid;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Suffix of trace files.
const SUFFIX: &str = ".ptrace";

/// Where the trace files go.
pub(crate) struct Directory {
    path: PathBuf,
    /// Of a directory that is removed when dropped: its lock, which says that it is in use.
    temporary: Option<File>,
}

impl Directory {
    /// One that stays. Made if it is not there; one that holds trace files is refused, since they would be taken for this run's.
    pub(crate) fn keep(path: &Path) -> Result<Self, Failure> {
        let failed = |why| Failure::io(format_args!("cannot use {}", shown(path)), why);
        match make_directory(path, mode()) {
            Err(why) if why.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(why)),
            _ => {}
        }
        let path = path.canonicalize().map_err(failed)?;
        if !path.is_dir() {
            return Err(
                Failure::new(format_args!("{} is no directory", shown(&path))).advise(
                    "-o keeps a recording, in a directory; `--to FILE` writes the calls as text",
                ),
            );
        }
        let mut entries = std::fs::read_dir(&path).map_err(failed)?.flatten();
        if entries.any(|entry| entry.file_name().to_string_lossy().ends_with(SUFFIX)) {
            return Err(
                Failure::new(format_args!("{} holds a recording", shown(&path)))
                    .advise("name another directory, or remove the files"),
            );
        }
        Ok(Self {
            path,
            temporary: None,
        })
    }

    /// One that goes when it is dropped, below TMPDIR.
    pub(crate) fn temporary() -> Result<Self, Failure> {
        // Programs go to other directories before they record.
        let parent = std::path::absolute(std::env::temp_dir())
            .map_err(|why| Failure::io("cannot tell where TMPDIR is", why))?;
        for number in 0..1000 {
            let path = parent.join(format!("{RECORDING}{}-{number}", std::process::id()));
            match make_directory(&path, mode()) {
                Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(why) => {
                    return Err(
                        Failure::io(format_args!("cannot make {}", shown(&path)), why)
                            .advise("set TMPDIR to a directory that you can write to"),
                    );
                }
                Ok(()) => {
                    let failed =
                        |why| Failure::io(format_args!("cannot use {}", shown(&path)), why);
                    let lock = mark_in_use(&path, OsStr::new("trace")).map_err(failed)?;
                    return Ok(Self {
                        path,
                        temporary: Some(lock),
                    });
                }
            }
        }
        Err(Failure::new(format_args!(
            "no free name in {}",
            shown(&parent)
        )))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.temporary.is_some() {
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

/// What makes just-in-time compilers write `/tmp/perf-PID.map`, by the variables that they read.
/// Node shall give functions that it interprets an address of their own; a Java machine that does not know the option, or
/// takes it for a secret, shall start all the same.
const JIT_MAPS: [(&str, &str); 3] = [
    (
        "NODE_OPTIONS",
        "--perf-basic-prof --interpreted-frames-native-stack",
    ),
    (
        "JAVA_TOOL_OPTIONS",
        "-XX:+UnlockDiagnosticVMOptions -XX:+IgnoreUnrecognizedVMOptions -XX:+DumpPerfMapAtExit",
    ),
    ("PYTHONPERFSUPPORT", "1"),
];

/// Options of the recorder.
pub(crate) struct Recorder {
    pub(crate) ring: Option<String>,
    pub(crate) depth: Option<u8>,
    pub(crate) clock: Option<String>,
    pub(crate) anonymous: bool,
    pub(crate) stack_size: String,
    pub(crate) scripts: bool,
    pub(crate) jit_maps: bool,
    /// Whether ids of segments belong to an IPC namespace: on the kernel's calls.
    pub(crate) in_ipc_namespace: bool,
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
        environment.preload_recorder(recorder)?;
        environment.preload_sanitizers(program);
        environment.set("PARTAGE_TRACE", directory.path());
        if let Ok(command) = std::env::current_exe() {
            // What the recorder cannot reach is led to this command, see `outside`.
            environment.set("PARTAGE_TRACE_OUTSIDE", command);
        }
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
        set(
            "PARTAGE_TRACE_STACK",
            Some(OsString::from(&self.stack_size)),
        );
        let ipc = super::ipc_namespace("self").filter(|_| self.in_ipc_namespace);
        set(
            "PARTAGE_TRACE_IPC",
            ipc.map(|inode| inode.to_string().into()),
        );
        set("PARTAGE_TRACE_SCRIPTS", (!self.scripts).then(|| "0".into()));
        set("PARTAGE_TRACE_JIT_MAPS", self.jit_maps.then(|| "1".into()));
        if self.jit_maps {
            for (name, option) in JIT_MAPS {
                let given = std::env::var_os(name).unwrap_or_default();
                let mut options = given;
                if !options.is_empty() {
                    options.push(" ");
                }
                options.push(option);
                environment.set(name, options);
            }
        }
        Ok(())
    }
}
