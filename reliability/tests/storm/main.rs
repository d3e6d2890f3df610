//! Many processes do everything at once, and are killed at random; see `docs/reliability.md`.
//!
//! `PARTAGE_STORM_SECONDS` bounds it, 3 otherwise; `PARTAGE_STORM_SEED` chooses what happens; `PARTAGE_STORM_CROWD` is how
//! many members and segments are there all the time, 600 otherwise.

mod board;
mod crowd;
mod frozen;
mod truth;
mod worker;

use board::{Board, WORKERS};
use frozen::Frozen;
use partage_reliability::calls;
use partage_reliability::examine;
use partage_reliability::preload::{self, Directory};
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use partage_tests::random::Random;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The file of the board, for programs that a worker becomes by exec.
const BOARD: &str = "PARTAGE_STORM_BOARD";

/// Everybody is stopped and all counts are compared so often.
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

fn main() -> ExitCode {
    preload::main("storm", |directory| {
        let slot = std::env::args().nth(2).and_then(|slot| slot.parse().ok());
        match (std::env::var_os(BOARD), slot) {
            (Some(path), Some(slot)) => worker::run(&Board::open(Path::new(&path)), slot),
            _ => storm(directory),
        }
    })
}

fn number(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

fn storm(directory: &Path) -> ExitCode {
    let seconds = number("PARTAGE_STORM_SECONDS", 3);
    // SAFETY: plain numbers. The watchdog; and orphans become this process's children.
    unsafe {
        libc::alarm(seconds as u32 * 4 + 60);
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    let Ok(home) = Directory::new("storm-board") else {
        eprintln!("storm: no directory for the board");
        return ExitCode::FAILURE;
    };
    let path = home.path().join("board");
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var(BOARD, &path) };
    // Some workers drop root.
    let open = std::fs::Permissions::from_mode(0o1777);
    let _ = std::fs::set_permissions(directory, open);
    let board = Board::make(&path);
    let count = number("PARTAGE_STORM_CROWD", 600) as usize;
    let keeper = crowd::keeper(count);
    board.set_group(keeper);
    let mut storm = Storm {
        directory,
        board,
        crowd: (0..count).map(crowd::member).chain([keeper]).collect(),
        random: Random::new(number("PARTAGE_STORM_SEED", 1)),
        pids: [0; WORKERS],
        kills: 0,
        checks: 0,
        frozen: 0,
        report: Report::default(),
    };
    storm.run(Duration::from_secs(seconds));
    storm.end()
}

struct Storm<'a> {
    directory: &'a Path,
    board: Board,
    random: Random,
    /// Who is there all the time; the last one leads the group of the workers.
    crowd: Vec<i32>,
    pids: [i32; WORKERS],
    kills: u64,
    checks: u64,
    frozen: u64,
    report: Report,
}

impl Storm<'_> {
    fn run(&mut self, time: Duration) {
        if self.crowd.contains(&-1) {
            self.report.finding("the crowd cannot be made".to_owned());
            return;
        }
        let start = Instant::now();
        let mut next_look = Duration::ZERO;
        let mut next_check = time / 8;
        for slot in 0..WORKERS {
            self.start_worker(slot);
        }
        while start.elapsed() < time && self.report.count() == 0 {
            for _ in 0..=self.random.below(4) {
                let slot = self.random.below(WORKERS);
                self.kill(slot);
                self.start_worker(slot);
            }
            // SAFETY: a plain number.
            unsafe { libc::usleep(self.random.below(2000) as u32) };
            if start.elapsed() > next_look {
                self.look();
                next_look = start.elapsed() + BETWEEN_LOOKS;
            }
            if start.elapsed() > next_check {
                self.check();
                next_check = start.elapsed() + time / 8;
            }
        }
        self.check();
    }

    fn start_worker(&mut self, slot: usize) {
        self.board.set_parked(slot, false);
        // SAFETY: this process has one thread; the child runs as a worker and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let _ = worker::run(&self.board, slot);
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(0) };
        }
        // The child does this too; the first of the two counts. A look between them would find a process in the group that its
        // signal did not reach.
        // SAFETY: plain numbers; the child is ours.
        unsafe { libc::setpgid(pid, self.board.group()) };
        if let Some(place) = self.pids.get_mut(slot) {
            *place = pid;
        }
    }

    fn kill(&mut self, slot: usize) {
        let Some(&pid) = self.pids.get(slot) else {
            return;
        };
        // SAFETY: the process is a child of ours that nobody has waited for.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            let mut status = 0;
            libc::waitpid(pid, &raw mut status, 0);
            if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL {
                self.kills += 1;
            } else {
                self.report.finding(format!(
                    "worker {slot} had ended by itself: status {status:#x}"
                ));
            }
        }
    }

    /// Stops everybody where he is, and compares the counts with what the kernel says is mapped.
    fn look(&mut self) {
        let frozen = match Frozen::freeze(self.board.group()) {
            Ok(frozen) => frozen,
            Err(who) => {
                self.report.finding(format!("not everybody stops: {who}"));
                return;
            }
        };
        // Each thread may have one attachment under way, or be in the middle of a fork, which counts for the child.
        let under_way = (frozen.threads * (1 + worker::MOST)) as u64;
        let directory = self.directory;
        for finding in in_child(|| truth::compare_frozen(directory, under_way)) {
            let who = frozen::describe(self.board.group());
            self.report
                .finding(format!("at some moment: {finding}; then: {who}"));
        }
        self.frozen += 1;
    }

    /// Lets all workers come to rest, and compares the counts with what the kernel says is mapped.
    fn check(&mut self) {
        self.board.pause(true);
        let start = Instant::now();
        while !self.is_quiet() {
            if start.elapsed() > frozen::PATIENCE {
                let who = frozen::describe(self.board.group());
                self.report
                    .finding(format!("not everybody comes to rest: {who}"));
                break;
            }
            // SAFETY: a plain number.
            unsafe { libc::usleep(500) };
        }
        let directory = self.directory;
        for finding in in_child(|| truth::compare(directory)) {
            self.report.finding(finding);
        }
        self.checks += 1;
        self.board.pause(false);
    }

    /// Whether only the workers are there, and all of them are parked.
    fn is_quiet(&mut self) -> bool {
        let mut status = 0;
        // SAFETY: `status` is writable. Orphans are waited for here; workers are only waited for after a kill.
        while let pid @ 1.. = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
            if self.pids.contains(&pid) {
                self.report
                    .finding(format!("a worker ended by itself: status {status:#x}"));
                return true;
            }
        }
        let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        children.split_whitespace().count() == WORKERS + self.crowd.len()
            && (0..WORKERS).all(|slot| self.board.is_parked(slot))
    }

    fn end(mut self) -> ExitCode {
        for slot in 0..WORKERS {
            self.kill(slot);
        }
        for &pid in self.crowd.iter().filter(|&&pid| pid > 0) {
            // SAFETY: the process is a child of ours that nobody has waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        wait_for_orphans();
        let directory = self.directory;
        for finding in in_child(|| clean(directory)) {
            self.report.finding(finding);
        }
        let figures = format!(
            "{} processes at a time, {} calls, {} forks, {} execs, {} kills, {} comparisons of all counts at rest, {} with all stopped; \
             {} members and segments beside",
            WORKERS,
            self.board.calls(),
            self.board.forks(),
            self.board.execs(),
            self.kills,
            self.checks,
            self.frozen,
            self.crowd.len() - 1
        );
        self.report.end("storm", &figures)
    }
}

/// Children of workers that were killed end by themselves, and are this process's to wait for.
fn wait_for_orphans() {
    let mut status = 0;
    // SAFETY: `status` is writable; the watchdog bounds the loop.
    while unsafe { libc::waitpid(-1, &raw mut status, 0) } > 0 {}
}

/// After the death of all: one call, and nothing is left that was not left on purpose; and that can be removed.
fn clean(directory: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    if let Err(errno) = calls::get(libc::IPC_PRIVATE, 4096, 0o600).and_then(calls::remove) {
        findings.push(format!("after all have died, a call fails: errno {errno}"));
    }
    for id in examine::segments(directory) {
        match calls::stat(id).map(|status| status.shm_nattch) {
            Ok(0) | Err(libc::EINVAL) => {}
            other => findings.push(format!(
                "segment {id} has nattch {other:?} when all have died"
            )),
        }
        let _ = calls::remove(id);
    }
    findings.extend(examine::namespace(directory));
    findings.extend(
        examine::segments(directory)
            .iter()
            .map(|id| format!("segment {id} cannot be removed")),
    );
    findings
}
