//! Tools that watch every access to memory while the C suite runs: two that the compiler builds into the programs, and one
//! that runs them, library included.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts::Artefacts;

/// The tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// AddressSanitizer, in the programs.
    Address,
    /// ThreadSanitizer, in the programs.
    Thread,
    /// Valgrind's memory checker, over programs and library.
    Valgrind,
}

/// How a program gets to the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Linked to the shared object.
    Linked,
    /// The shared object preloaded, behind the tool's own.
    Preloaded,
}

impl Way {
    /// Which build of the programs.
    #[must_use]
    pub fn variant(self) -> &'static str {
        match self {
            Way::Linked => "cdylib",
            Way::Preloaded => "plain",
        }
    }
}

/// Programs make faults, jump out of handlers and die by signals on purpose; threads that were cancelled are never joined.
const ADDRESS: &str = "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:\
     allow_user_segv_handler=1:use_sigaltstack=0";
const THREAD: &str = "report_thread_leaks=0:report_signal_unsafe=0:handle_segv=0:handle_sigbus=0:handle_abort=0:\
     allow_user_segv_handler=1:use_sigaltstack=0:die_after_fork=0";

impl Tool {
    /// The directory of the programs that are built for it, and how the compiler builds them.
    fn build(self) -> Option<(&'static str, &'static str)> {
        match self {
            Tool::Address => Some(("asan", "-O1 -g -fsanitize=address")),
            Tool::Thread => Some(("tsan", "-O1 -g -fsanitize=thread")),
            Tool::Valgrind => None,
        }
    }

    /// The tool's own shared object, which has to be loaded first.
    fn runtime(self) -> Option<PathBuf> {
        let name = match self {
            Tool::Address => "libasan.so",
            Tool::Thread => "libtsan.so",
            Tool::Valgrind => return None,
        };
        let said = Command::new("gcc")
            .arg(format!("-print-file-name={name}"))
            .output()
            .ok()?;
        Some(PathBuf::from(
            String::from_utf8_lossy(&said.stdout).trim().to_owned(),
        ))
    }

    /// Builds the programs.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn prepare(self, built: &Artefacts, way: Way, programs: &[String]) -> Result<(), String> {
        self.build().map_or(Ok(()), |(name, flags)| {
            built.build_programs(name, flags, way.variant(), programs)
        })
    }

    /// The command that runs a program; what the tool has to say goes to files in the directory `reports`.
    #[must_use]
    pub fn command(self, built: &Artefacts, way: Way, program: &str, reports: &Path) -> Command {
        let directory = match self.build() {
            Some((name, _)) => built.programs.join(name),
            None => built.programs.clone(),
        };
        let path = directory.join(way.variant()).join(program);
        let log = reports.join("report");
        let known = built.root.join("c_tests/valgrind.suppressions");
        let unseen = built.root.join("c_tests/tsan.suppressions");
        let mut command = match self {
            Tool::Valgrind => {
                let mut run = Command::new("valgrind");
                run.args([
                    "--quiet",
                    "--trace-children=yes",
                    "--leak-check=no",
                    "--vgdb=no",
                ])
                .arg(format!("--suppressions={}", known.display()))
                .arg(format!("--log-file={}.%p", log.display()))
                .arg(path);
                run
            }
            Tool::Address | Tool::Thread => Command::new(path),
        };
        command
            .env(
                "ASAN_OPTIONS",
                format!("{ADDRESS}:log_path={}", log.display()),
            )
            .env(
                "TSAN_OPTIONS",
                format!(
                    "{THREAD}:log_path={}:suppressions={}",
                    log.display(),
                    unseen.display()
                ),
            )
            .env("PARTAGE_TEST_TIMEOUT", "90");
        if way == Way::Preloaded {
            let mut preload = built.shared_object().into_os_string();
            if let Some(mut first) = self.runtime().map(PathBuf::into_os_string) {
                first.push(" ");
                first.push(preload);
                preload = first;
            }
            command.env("LD_PRELOAD", preload);
        }
        command
    }
}

/// An empty directory for a program's reports, which every user may write to.
///
/// # Errors
/// As mkdir(2).
pub fn empty_reports(path: &Path) -> io::Result<()> {
    if path.exists() {
        fs::remove_dir_all(path)?;
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o1777))
}

/// Everything that was reported there. Lines between dashes are valgrind's about itself: a call of the kernel that it does
/// not know and refuses.
///
/// # Errors
/// As read(2).
pub fn reports(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(path)? {
        let report = fs::read(entry?.path())?;
        let report = String::from_utf8_lossy(&report);
        for line in report.lines().filter(|line| !line.starts_with("--")) {
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}
