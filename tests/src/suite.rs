//! The C suite: every program of `c_tests`, in each of these modes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::artefacts::{Artefacts, artefacts, only};
use crate::bionic::{self, Setting};
use crate::instrument::{self, Tool, Way};
use crate::process::{Ended, run_bounded};
use crate::proot::Proot;
use crate::sandbox::Sandbox;

const FOLDERS: [&str; 5] = ["sysv", "posix", "process", "abi", "deviations"];
const BOUND: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 2;
/// The exit code of a program that cannot run here; it says why.
const SKIPPED: i32 = 77;

/// Which implementation a program runs on, and how it gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The kernel's and the C library's own calls: the oracle.
    Kernel,
    /// Linked to the shared object.
    Cdylib,
    /// Linked to the archive.
    Static,
    /// The shared object preloaded.
    Preload,
    /// Preloaded by the command, where the kernel refuses its System V calls.
    Nosysv,
    /// Built for musl, on its own calls: where musl differs from glibc, this says how.
    MuslKernel,
    /// Built for musl, the shared object preloaded.
    MuslPreload,
    /// Built for musl and linked to the archive, with no shared object at all.
    MuslStatic,
    /// Built for aarch64 and linked to the archive, run by an emulator.
    Aarch64,
    /// Built for aarch64, the object for preloading preloaded, run by an emulator.
    Aarch64Preload,
    /// Built for riscv64 and linked to the archive, run by an emulator.
    Riscv64,
    /// Built for i686 and linked to the archive: 32-bit programs on this kernel.
    I686,
    /// Built for bionic, Android's C library, and run in a root with it.
    Bionic(Setting),
    /// Under proot, the shared object preloaded or not.
    Proot(Proot, bool),
    /// Watched by a tool.
    Watched(Tool, Way),
}

impl Mode {
    /// What the summary calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Cdylib => "cdylib",
            Self::Static => "static",
            Self::Preload => "preload",
            Self::Nosysv => "nosysv",
            Self::MuslKernel => "musl-kernel",
            Self::MuslPreload => "musl-preload",
            Self::MuslStatic => "musl-static",
            Self::Aarch64 => "aarch64",
            Self::Aarch64Preload => "aarch64-preload",
            Self::Riscv64 => "riscv64",
            Self::I686 => "i686",
            Self::Bionic(setting) => setting.name(),
            Self::Proot(proot, _) => proot.name(),
            Self::Watched(Tool::Address, Way::Linked) => "asan-cdylib",
            Self::Watched(Tool::Address, Way::Preloaded) => "asan-preload",
            Self::Watched(Tool::Thread, Way::Linked) => "tsan-cdylib",
            Self::Watched(Tool::Thread, Way::Preloaded) => "tsan-preload",
            Self::Watched(Tool::Valgrind, Way::Linked) => "valgrind-cdylib",
            Self::Watched(Tool::Valgrind, Way::Preloaded) => "valgrind-preload",
        }
    }

    /// What the programs find in `PARTAGE_TEST_MODE`: how they got to the library, whatever they are built for.
    fn test_mode(self) -> &'static str {
        match self {
            Self::MuslKernel | Self::Proot(_, false) => Self::Kernel.name(),
            Self::Bionic(Setting::Linked) => Self::Cdylib.name(),
            Self::MuslPreload | Self::Aarch64Preload | Self::Bionic(_) | Self::Proot(_, true) => {
                Self::Preload.name()
            }
            Self::MuslStatic | Self::Aarch64 | Self::Riscv64 | Self::I686 => Self::Static.name(),
            Self::Watched(_, Way::Linked) => Self::Cdylib.name(),
            Self::Watched(_, Way::Preloaded) => Self::Preload.name(),
            _ => self.name(),
        }
    }

    /// Where to look whether a program that fails does so without the library too: the programs expect what glibc does,
    /// and on musl the library does what musl does.
    fn reference(self) -> Option<Self> {
        match self {
            Self::MuslPreload | Self::MuslStatic => Some(Self::MuslKernel),
            Self::Proot(proot, true) => Some(Self::Proot(proot, false)),
            _ => None,
        }
    }

    /// What two runs that fail alike have in common.
    fn essence(self, why: &str) -> String {
        match self {
            // It adds words of its own; and a check's words may have a process's number in them. Where is enough.
            Self::Proot(..) => {
                let place = |line: &str| line.split(": ").next().map(str::to_owned);
                let is_ours = |line: &&str| line.contains(".c:") || line.contains(".h:");
                why.lines().filter(is_ours).filter_map(place).collect()
            }
            _ => why.to_owned(),
        }
    }

    /// The command that runs `program` (`FOLDER/NAME`) in this mode on the namespace `dir`.
    #[must_use]
    pub fn command(self, built: &Artefacts, program: &str, dir: &Path) -> Command {
        if let (Self::Bionic(setting), Ok(Some(kit))) = (self, bionic::kit()) {
            return setting.test_program(kit, program, self.test_mode(), dir);
        }
        let variant = match self {
            Self::Cdylib => "cdylib",
            Self::Static => "static",
            Self::MuslKernel | Self::MuslPreload => "musl/plain",
            Self::MuslStatic => "musl/static",
            Self::Aarch64 => "aarch64/static",
            Self::Aarch64Preload => "aarch64/plain",
            Self::Riscv64 => "riscv64/static",
            Self::I686 => "i686/static",
            Self::Kernel | Self::Preload | Self::Nosysv | Self::Bionic(_) | Self::Proot(..) => {
                "plain"
            }
            Self::Watched(_, way) => way.variant(),
        };
        let path = built.programs.join(variant).join(program);
        let mut command = match self {
            Self::Nosysv => {
                let mut run = Command::new(built.command());
                run.args(["run", "--without-kernel-sysv", "--dir"])
                    .arg(dir)
                    .arg("--")
                    .arg(path);
                run
            }
            Self::Watched(tool, way) => {
                tool.command(built, way, program, &reports_path(built, self, program))
            }
            Self::Proot(proot, is_ours) => {
                let library = is_ours.then(|| built.shared_object());
                proot.command(&path, library.as_deref(), &built.programs)
            }
            Self::Aarch64 | Self::Aarch64Preload | Self::Riscv64 => {
                let mut run = Command::new(self.emulator());
                run.arg(path);
                run
            }
            _ => Command::new(path),
        };
        for (name, _) in std::env::vars_os() {
            let ours = name
                .to_str()
                .is_some_and(|name| name.starts_with("PARTAGE_"));
            if ours && name != "PARTAGE_LOG" && name != "PARTAGE_TEST_TIMEOUT" {
                command.env_remove(name);
            }
        }
        command.env("PARTAGE_TEST_MODE", self.test_mode());
        command.env("PARTAGE_DIR", dir);
        match self {
            Self::Preload | Self::MuslPreload => {
                command.env("LD_PRELOAD", built.shared_object());
            }
            Self::Watched(_, Way::Preloaded) => {}
            _ => {
                command.env_remove("LD_PRELOAD");
            }
        }
        if self == Self::Aarch64Preload {
            // The emulator is static: this is for the program in it.
            let object = "aarch64-unknown-linux-gnu/release/libpartage_preload.so";
            command.env("LD_PRELOAD", built.programs.with_file_name(object));
        }
        command
    }

    fn emulator(self) -> &'static str {
        match self {
            Self::Riscv64 => "qemu-riscv64-static",
            _ => "qemu-aarch64-static",
        }
    }
}

enum Verdict {
    Passed,
    Skipped(String),
    Failed(String),
}

/// Runs every program in `mode`; `C_TESTS` in the environment keeps those whose name contains it.
///
/// # Errors
/// The list of the programs that failed, each with its output.
pub fn run_suite(mode: Mode) -> Result<(), String> {
    run_suite_without(mode, &[])
}

/// [`run_suite`] without some programs, `FOLDER/NAME`.
///
/// # Errors
/// As [`run_suite`].
pub fn run_suite_without(mode: Mode, left_out: &[&str]) -> Result<(), String> {
    run_suite_where(mode, |program| !left_out.contains(&program))
}

/// [`run_suite`] with the programs (`FOLDER/NAME`) that are wanted.
///
/// # Errors
/// As [`run_suite`].
pub fn run_suite_where(mode: Mode, is_wanted: impl Fn(&str) -> bool) -> Result<(), String> {
    let built = artefacts()?;
    let mut programs = programs(built, mode).map_err(|e| format!("c_tests: {e}"))?;
    programs.retain(|program| is_wanted(program));
    if let Mode::Watched(tool, way) = mode {
        tool.prepare(built, way, &programs)?;
    }
    if programs.is_empty() {
        return Err("no program matches C_TESTS".to_owned());
    }
    if let Mode::Bionic(setting) = mode {
        let kit = bionic::kit()?.ok_or("BIONIC_KIT is not set")?;
        kit.build(built, setting, &programs)?;
    }
    let queue = Mutex::new(programs.iter());
    let verdicts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let sandbox = Sandbox::enter();
                let entered = enter_root(mode, &sandbox);
                while let Some(program) = locked(&queue).next() {
                    let verdict = match &entered {
                        Ok(()) => run_one(built, &sandbox, mode, program)
                            .unwrap_or_else(|e| Verdict::Failed(format!("cannot run: {e}"))),
                        Err(why) => Verdict::Failed(why.clone()),
                    };
                    locked(&verdicts).push((program.clone(), verdict));
                }
            });
        }
    });
    let verdicts = std::mem::take(&mut *locked(&verdicts));
    report(mode, &verdicts)
}

/// Where the programs need another root, readies this thread's view of it.
fn enter_root(mode: Mode, sandbox: &Sandbox) -> Result<(), String> {
    let (Mode::Bionic(setting), Ok(Some(kit))) = (mode, bionic::kit()) else {
        return Ok(());
    };
    if !sandbox.is_private() {
        return Err("needs the right to mount".to_owned());
    }
    kit.enter(setting).map_err(|e| format!("mount: {e}"))
}

/// A panicking worker already fails the test: its data is still good to report.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `FOLDER/NAME` of each program to run.
fn programs(built: &Artefacts, mode: Mode) -> io::Result<Vec<String>> {
    let filter = only();
    let mut names = Vec::new();
    for folder in FOLDERS {
        if folder == "deviations" && mode == Mode::Kernel {
            continue;
        }
        let Ok(entries) = fs::read_dir(built.root.join("c_tests").join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            let name = format!("{folder}/{stem}");
            if path.extension().is_some_and(|e| e == "c") && name.contains(&filter) {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

fn run_one(built: &Artefacts, sandbox: &Sandbox, mode: Mode, program: &str) -> io::Result<Verdict> {
    let verdict = run_once(built, sandbox, mode, program)?;
    let (Verdict::Failed(ours), Some(reference)) = (&verdict, mode.reference()) else {
        return Ok(verdict);
    };
    match run_once(built, sandbox, reference, program)? {
        Verdict::Failed(theirs) if mode.essence(&theirs) == mode.essence(ours) => {
            Ok(Verdict::Passed)
        }
        _ => Ok(verdict),
    }
}

fn run_once(
    built: &Artefacts,
    sandbox: &Sandbox,
    mode: Mode,
    program: &str,
) -> io::Result<Verdict> {
    let dir = match (mode, bionic::kit()) {
        (Mode::Bionic(setting), Ok(Some(kit))) => setting.namespace_dir(kit, sandbox)?,
        _ => sandbox.namespace_dir()?,
    };
    let log = log_path(built, mode, program)?;
    let reports = reports_path(built, mode, program);
    let is_watched = matches!(mode, Mode::Watched(..));
    if is_watched {
        instrument::empty_reports(&reports)?;
    }
    let bound = if is_watched { BOUND * 2 } else { BOUND };
    let ended = run_bounded(&mut mode.command(built, program, &dir), &log, bound)?;
    if is_watched {
        let reported = instrument::reports(&reports)?;
        if !reported.is_empty() {
            sandbox.clean_up(&dir)?;
            return Ok(Verdict::Failed(format!("{}{reported}", ended.output)));
        }
    }
    let left = sandbox.leftovers(&dir)?;
    sandbox.clean_up(&dir)?;
    Ok(judge(&ended, &left))
}

/// Where a tool that watches leaves what it has to say.
fn reports_path(built: &Artefacts, mode: Mode, program: &str) -> PathBuf {
    let name = format!("{program}.reports");
    built.programs.join("log").join(mode.name()).join(name)
}

fn log_path(built: &Artefacts, mode: Mode, program: &str) -> io::Result<PathBuf> {
    let log = built
        .programs
        .join("log")
        .join(mode.name())
        .join(format!("{program}.log"));
    if let Some(parent) = log.parent() {
        fs::create_dir_all(parent)?;
        // Programs that change their user still write here, through the open descriptor.
        fs::set_permissions(parent, fs::Permissions::from_mode(0o755))?;
    }
    Ok(log)
}

fn judge(ended: &Ended, left: &[String]) -> Verdict {
    match ended.code() {
        Some(0) if left.is_empty() => Verdict::Passed,
        Some(0) => Verdict::Failed(format!("{}left behind:\n{}", ended.output, left.join("\n"))),
        Some(SKIPPED) => Verdict::Skipped(ended.output.trim().to_owned()),
        _ => Verdict::Failed(format!("{}{}", ended.output, ended.describe())),
    }
}

fn report(mode: Mode, verdicts: &[(String, Verdict)]) -> Result<(), String> {
    let mut failures = String::new();
    let mut lines = String::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (program, verdict) in verdicts {
        match verdict {
            Verdict::Passed => passed += 1,
            Verdict::Skipped(reason) => {
                skipped += 1;
                lines.push_str(&format!("{}: skipped {program}: {reason}\n", mode.name()));
            }
            Verdict::Failed(why) => {
                failed += 1;
                failures.push_str(&format!("--- {} {program}\n{why}\n", mode.name()));
            }
        }
    }
    lines.push_str(&format!(
        "{}: {passed} passed, {failed} failed, {skipped} skipped\n",
        mode.name()
    ));
    // Not by the print macros: the test harness would hide the summary of a run that passed.
    let _ = io::stderr().write_all(lines.as_bytes());
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} failed\n{failures}"))
    }
}
