//! The C suite: every program of `c_tests`, in one of the modes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use crate::artefacts::{Artefacts, artefacts, only};
use crate::bionic;
use crate::instrument;
use crate::mode::Mode;
use crate::process::{Ended, run_bounded};
use crate::sandbox::Sandbox;

const FOLDERS: [&str; 5] = ["sysv", "posix", "process", "abi", "deviations"];
const BOUND: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 2;
/// The exit code of a program that cannot run here; it says why.
const SKIPPED: i32 = 77;

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
                let sandbox = Sandbox::enter_alone();
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
    let reports = mode.reports(built, program);
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
