//! Random sequences of calls, run on the kernel and on the library: the two logs of results, errno,
//! fields, memory and mappings must be the same.
//!
//! `PARTAGE_MODEL_STEPS` sets the number of calls of each run (20000), `PARTAGE_MODEL_SEED` the
//! first of its seeds (1).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::{self, Write};
use std::time::Duration;

use partage_tests::artefacts::artefacts;
use partage_tests::mode::Mode;
use partage_tests::process::run_bounded;
use partage_tests::sandbox::Sandbox;

const STEPS: u64 = 20_000;
/// A run is split over this many seeds, so that it starts from an empty namespace more than once.
const SEEDS: u64 = 4;
const BOUND: Duration = Duration::from_secs(600);
/// How much of the logs is shown before the first difference.
const CONTEXT: usize = 12;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Runs the model and returns its log.
fn log_of(
    mode: Mode,
    sandbox: &Sandbox,
    processes: &str,
    seed: u64,
    steps: u64,
) -> io::Result<String> {
    let built = artefacts().map_err(io::Error::other)?;
    let dir = sandbox.namespace_dir()?;
    let mut command = mode.command(built, "model/model", &dir);
    command.args([processes, &seed.to_string(), &steps.to_string()]);
    let log = built
        .programs
        .join(format!("model-{processes}-{seed}-{}.log", mode.name()));
    let ended = run_bounded(&mut command, &log, BOUND)?;
    let left = sandbox.leftovers(&dir)?;
    std::fs::remove_dir_all(&dir)?;
    let end = ended.describe();
    Ok(format!("{}{end}, left behind: {left:?}\n", ended.output))
}

/// Both logs from a little before the first line in which they differ, or `None` if they do not.
fn difference(kernel: &str, library: &str) -> Option<String> {
    let (kernel, library): (Vec<_>, Vec<_>) = (kernel.lines().collect(), library.lines().collect());
    let same = kernel
        .iter()
        .zip(&library)
        .take_while(|(a, b)| a == b)
        .count();
    if same == kernel.len() && same == library.len() {
        return None;
    }
    let from = same.saturating_sub(CONTEXT);
    let common = kernel[from..same].join("\n");
    let next = |lines: &[&str]| {
        lines
            .iter()
            .skip(same)
            .take(3)
            .copied()
            .collect::<Vec<_>>()
            .join("\n")
    };
    Some(format!(
        "{common}\n--- the kernel:\n{}\n--- the library:\n{}",
        next(&kernel),
        next(&library)
    ))
}

fn compare(processes: &str) {
    let sandbox = Sandbox::enter();
    if !sandbox.is_private() {
        let _ = writeln!(
            io::stderr(),
            "model, {processes}: skipped, needs an IPC namespace of its own"
        );
        return;
    }
    let steps = setting("PARTAGE_MODEL_STEPS", STEPS);
    let first = setting("PARTAGE_MODEL_SEED", 1);
    let mut found = Vec::new();
    for seed in first..first + SEEDS {
        let run = |mode| log_of(mode, &sandbox, processes, seed, steps.div_ceil(SEEDS));
        let kernel = run(Mode::Kernel).unwrap();
        let library = run(Mode::Preload).unwrap();
        if let Some(shown) = difference(&kernel, &library) {
            found.push(format!("seed {seed}:\n{shown}"));
        }
    }
    let last = first + SEEDS - 1;
    let differ = found.len();
    let _ = writeln!(
        io::stderr(),
        "model, {processes}: {steps} steps, seeds {first} to {last}, {differ} seeds with a difference"
    );
    assert!(
        found.is_empty(),
        "model, {processes}:\n{}",
        found.join("\n\n")
    );
}

#[test]
fn one_process() {
    compare("one");
}

#[test]
fn several_processes() {
    compare("several");
}
