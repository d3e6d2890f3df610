//! Building the recorder and the programs, and running one of them traced.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use partage_tests::artefacts::{recorder, root, run_tool, target};
use partage_tests::process::{Ended, run_bounded};
use partage_trace_format::{Call, Damage, Header, Trace};

const BOUND: Duration = Duration::from_secs(60);

/// Where the recorder and the programs are.
pub(crate) struct Built {
    pub(crate) recorder: PathBuf,
    sources: PathBuf,
    programs: PathBuf,
}

/// Builds the recorder, once.
pub(crate) fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let programs = target().unwrap().join("c_tests/trace");
        fs::create_dir_all(&programs).unwrap();
        Built {
            recorder: recorder().unwrap(),
            sources: root().unwrap().join("c_tests/trace"),
            programs,
        }
    })
}

/// Compiles a program of `c_tests/trace` with these flags beside the usual ones.
pub(crate) fn compile(name: &str, flags: &[&str]) -> PathBuf {
    let built = built();
    let out = built
        .programs
        .join(format!("{name}-{}-{}", std::process::id(), unique()));
    let source = built.sources.join(format!("{name}.c"));
    let strict = [
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-fno-omit-frame-pointer",
        "-pthread",
    ];
    run_tool(
        Command::new("gcc")
            .args(strict)
            .args(flags)
            .arg("-o")
            .arg(&out)
            .arg(source),
    )
    .unwrap();
    out
}

pub(crate) fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A directory that goes away with its owner.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir =
            std::env::temp_dir().join(format!("partage-trace-{}-{}", std::process::id(), unique()));
        fs::create_dir_all(dir.join("traces")).unwrap();
        Scratch(dir)
    }

    pub(crate) fn traces(&self) -> PathBuf {
        self.0.join("traces")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One program, to be run traced.
pub(crate) struct Traced {
    pub(crate) scratch: Scratch,
    pub(crate) program: PathBuf,
    pub(crate) command: Command,
}

impl Traced {
    /// A program of `c_tests/trace`, compiled with these flags.
    pub(crate) fn new(name: &str, flags: &[&str]) -> Self {
        let program = compile(name, flags);
        let scratch = Scratch::new();
        let mut command = Command::new(&program);
        command
            .env("PARTAGE_TRACE", scratch.traces())
            .env("TRUTH", scratch.0.join("truth"));
        command.env("LD_PRELOAD", &built().recorder);
        Traced {
            scratch,
            program,
            command,
        }
    }

    /// Preloads these beside the recorder: before and after it.
    pub(crate) fn preload(mut self, before: &str, after: &str) -> Self {
        let recorder = built().recorder.display();
        self.command
            .env("LD_PRELOAD", format!("{before} {recorder} {after}"));
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; however it ends.
    pub(crate) fn run_to_end(mut self) -> Outcome {
        let log = self.scratch.0.join("log");
        let ended = run_bounded(&mut self.command, &log, BOUND).unwrap();
        Outcome::collect(self, ended)
    }

    /// Runs it; it must exit with 0.
    pub(crate) fn run(self) -> Outcome {
        let outcome = self.run_to_end();
        assert_eq!(
            outcome.ended.code(),
            Some(0),
            "{}\n{}",
            outcome.ended.describe(),
            outcome.ended.output
        );
        outcome
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.program);
    }
}

/// What is left of a traced run.
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) truth: Vec<Line>,
}

/// One call: what the program wrote down, or a record in the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) pid: u32,
    pub(crate) call: String,
    pub(crate) result: i64,
    pub(crate) errno: i32,
}

impl Outcome {
    fn collect(traced: Traced, ended: Ended) -> Self {
        let truth = fs::read_to_string(traced.scratch.0.join("truth")).unwrap_or_default();
        Outcome {
            ended,
            files: read_files(&traced.scratch.traces()),
            truth: truth.lines().map(parse_line).collect(),
        }
    }

    /// The only file there should be.
    pub(crate) fn only(&self) -> Trace<'_> {
        assert_eq!(self.files.len(), 1);
        Trace::parse(&self.files[0]).unwrap()
    }

    /// The functions recorded, by process, in order.
    pub(crate) fn recorded(&self) -> BTreeMap<u32, Vec<Line>> {
        let mut by_pid: BTreeMap<u32, Vec<(u64, Line)>> = BTreeMap::new();
        for file in &self.files {
            let trace = Trace::parse(file).unwrap();
            let mut records = trace.records();
            for record in records.by_ref() {
                let call = record.call.expect("a number that the format knows");
                if call.is_function() {
                    let line = Line {
                        pid: record.pid,
                        call: call.name().into(),
                        result: record.result,
                        errno: record.errno,
                    };
                    // A vfork child's records lie in its parent's file, before its own image's.
                    by_pid
                        .entry(record.pid)
                        .or_default()
                        .push((trace.clock().monotonic_ns(record.time), line));
                }
            }
            assert_eq!(records.damage(), Damage::default());
        }
        by_pid
            .into_iter()
            .map(|(pid, lines)| (pid, lines.into_iter().map(|(_, line)| line).collect()))
            .collect()
    }

    /// What the program wrote down, by process, in order.
    pub(crate) fn told(&self) -> BTreeMap<u32, Vec<Line>> {
        let mut by_pid: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in &self.truth {
            by_pid.entry(line.pid).or_default().push(line.clone());
        }
        by_pid
    }
}

/// The trace files of a directory, in the order of their start.
pub(crate) fn read_files(dir: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<Vec<u8>> = entries.map(|path| fs::read(path).unwrap()).collect();
    files.sort_by_key(|bytes| Header::parse(bytes).map_or(0, |header| header.started.monotonic));
    files
}

fn parse_line(line: &str) -> Line {
    let fields: Vec<&str> = line.split(' ').collect();
    let [pid, _tid, call, result, errno] = fields[..] else {
        panic!("{line}")
    };
    Line {
        pid: pid.parse().unwrap(),
        call: call.into(),
        result: result.parse().unwrap(),
        errno: errno.parse().unwrap(),
    }
}

/// The numbers that a program gave its calls of shmdt, as `series << 40 | number << 1 | 1`, by series, in order.
pub(crate) fn numbered(trace: &Trace<'_>) -> BTreeMap<u64, Vec<u64>> {
    let mut series: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for record in trace
        .records()
        .filter(|record| record.call == Ok(Call::Shmdt))
    {
        let address = record.args[0];
        series
            .entry(address >> 40)
            .or_default()
            .push((address & ((1 << 40) - 1)) >> 1);
    }
    series
}

/// Whether a program ended by this signal.
pub(crate) fn killed_by(status: ExitStatus, signal: i32) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(signal)
}
