//! Bytes of the registry change under its members, and files are replaced; see `docs/reliability.md`.
//!
//! `PARTAGE_MUTATIONS` is the number of changes, 20000 otherwise; `PARTAGE_HOSTILE_SEED` chooses them.

mod files;

use partage_reliability::calls;
use partage_reliability::examine;
use partage_reliability::hostile::{self, Libc, Registry, Victim};
use partage_reliability::preload;
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use partage_tests::random::Random;
use std::path::Path;
use std::process::ExitCode;

/// After so many changes the registry is repaired and then put back as it was at first: else all calls would soon
/// fail at once.
const ROUND: usize = 20;
/// A call that waits longer for a live holder of a lock gives up, in milliseconds.
const PATIENCE: &str = "20";
/// A round that takes longer than this hangs, in seconds.
const WATCHDOG: u32 = 60;
/// And one that takes more of the processor than this: however the bytes are, no call costs much more than any other. In
/// seconds.
const PROCESSOR: u64 = 3;

fn main() -> ExitCode {
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("PARTAGE_PATIENCE", PATIENCE) };
    preload::main("hostile", run)
}

fn number(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

fn run(directory: &Path) -> ExitCode {
    let mut report = Report::default();
    let wanted = number("PARTAGE_MUTATIONS", 20_000) as usize;
    let mut random = Random::new(number("PARTAGE_HOSTILE_SEED", 1));
    // A namespace with something in it, and a member that lives all the time: lock words can name it.
    let companion = companion();
    let Some(registry) = Registry::open(directory) else {
        report.finding("no registry".to_owned());
        return report.end("hostile", "nothing done");
    };
    let (mut done, mut calls_made, mut repaired, mut set_aside) = (0, 0, 0, 0);
    while done < wanted && report.count() < 20 {
        let seed = random.number();
        for finding in in_child(|| round(&registry, seed)) {
            match finding
                .strip_prefix("calls ")
                .and_then(|count| count.parse::<u64>().ok())
            {
                Some(count) => calls_made += count,
                None => report.finding(format!("round of seed {seed}: {finding}")),
            }
        }
        done += ROUND;
        match repair(directory, seed, &mut report) {
            true => repaired += 1,
            false => set_aside += 1,
        }
        registry.restore();
        remove_strays(directory);
    }
    files::wild_indexes(directory, &mut report);
    files::all(directory, &mut report);
    if files::is_cut_short_fatal(directory) {
        println!(
            "a registry that is cut short raises SIGBUS in its members: see docs/reliability.md"
        );
    }
    end(companion);
    let figures = format!(
        "{done} mutations, {calls_made} calls under them, {repaired} times repaired in place, {set_aside} times refused as damaged"
    );
    report.end("hostile", &figures)
}

/// One process's life under a changing registry. It changes the bytes itself, between its calls, so that a seed says
/// all that happens.
fn round(registry: &Registry, seed: u64) -> Vec<String> {
    let little = libc::rlimit {
        rlim_cur: PROCESSOR,
        rlim_max: PROCESSOR,
    };
    // SAFETY: a plain number, and a structure of ours; in_child has set a timer that this replaces.
    unsafe {
        libc::alarm(WATCHDOG);
        libc::setrlimit(libc::RLIMIT_CPU, &raw const little);
    }
    let mut random = Random::new(seed);
    let mut victim = Victim::<Libc>::new(true);
    for _ in 0..ROUND {
        registry.mutate(&mut random);
        victim.call(&mut random);
    }
    let (mut findings, calls) = victim.end();
    findings.push(format!("calls {calls}"));
    findings
}

/// Whether the registry could be repaired in place; else it must have been refused.
fn repair(directory: &Path, seed: u64, report: &mut Report) -> bool {
    let findings = in_child(|| {
        hostile::repair(directory).unwrap_or_else(|error| vec![format!("refused: {error}")])
    });
    let refused = findings
        .iter()
        .any(|finding| finding.starts_with("refused"));
    for finding in findings
        .iter()
        .filter(|finding| !finding.starts_with("refused"))
    {
        report.finding(format!("seed {seed}: {finding}"));
    }
    !refused
}

/// A member that attaches a segment and then waits.
fn companion() -> i32 {
    // SAFETY: the child makes calls and waits until it is killed; the pipe says that it is ready.
    unsafe {
        let mut ends = [0; 2];
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC);
        let pid = libc::fork();
        if pid == 0 {
            for key in 1..6 {
                let id = calls::get(key, 8192, libc::IPC_CREAT | 0o600);
                let _ = id.and_then(|id| calls::attach(id, 0));
            }
            libc::write(ends[1], [0u8; 1].as_ptr().cast(), 1);
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            loop {
                libc::pause();
            }
        }
        libc::read(ends[0], [0u8; 1].as_mut_ptr().cast(), 1);
        libc::close(ends[0]);
        libc::close(ends[1]);
        pid
    }
}

fn end(pid: i32) {
    // SAFETY: the process is a child of ours that nobody has waited for.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, std::ptr::null_mut(), 0);
    }
}

/// Removes files of segments that the registry, put back as it was, knows nothing of.
fn remove_strays(directory: &Path) {
    for finding in examine::namespace(directory) {
        if let Some(name) = finding.strip_prefix("left over: ") {
            let _ = std::fs::remove_file(directory.join(name));
        }
    }
}
