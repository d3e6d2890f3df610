//! For each call and its instructions: a process stopped there, and what another one gets done.

use crate::points::{self, Points};
use crate::scenarios::{self, Scenario, Victim};
use partage_reliability::calls;
use partage_reliability::report::Report;
use partage_reliability::steady::{KEY, Scene, Steady, in_child};
use std::path::Path;
use std::process::ExitCode;

/// What another process does while one is stopped.
const WAITING: [&str; 3] = ["create", "change of the same segment", "remove"];

struct Run<'a> {
    directory: &'a Path,
    steady: Steady,
    report: Report,
    tried: usize,
    /// At how many points each of [`WAITING`] had to wait.
    waited: [usize; 3],
}

pub(crate) fn all(directory: &Path) -> ExitCode {
    // SAFETY: plain numbers. Children of victims become this process's.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let most = match std::env::var("PARTAGE_STOP_POINTS") {
        Ok(all) if all == "all" => None,
        number => Some(
            number
                .ok()
                .and_then(|number| number.parse().ok())
                .unwrap_or(15),
        ),
    };
    let steady = Steady::start(directory);
    let mut run = Run {
        directory,
        steady,
        report: Report::default(),
        tried: 0,
        waited: [0; 3],
    };
    for scenario in scenarios::ALL
        .iter()
        .filter(|scenario| scenario.victim == Victim::Caller)
    {
        if let Err(error) = run.scenario(scenario, most) {
            run.report.finding(format!("{}: {error}", scenario.name));
        }
    }
    points::clean_object();
    let waited: Vec<String> = WAITING
        .iter()
        .zip(run.waited)
        .map(|(what, count)| format!("{what} at {count}"))
        .collect();
    let figures = format!(
        "{} points stopped at; reads and other segments never waited; others: {}",
        run.tried,
        waited.join(", ")
    );
    run.report.end("stop", &figures)
}

impl Run<'_> {
    fn scenario(&mut self, scenario: &Scenario<'_>, most: Option<usize>) -> Result<(), String> {
        let scene = self.steady.prepare(scenario.before)?;
        let points = Points::record(&mut points::victim(scenario, scene)?, |_| {})?;
        self.clean();
        let before = self.waited;
        let chosen = points.spread(most);
        for &point in &chosen {
            let scene = self.steady.prepare(scenario.before)?;
            let mut victim = points::victim(scenario, scene)?;
            if points.bring(&mut victim, point)? {
                self.look(
                    &format!("{} stopped at instruction {point}", scenario.name),
                    scenario,
                    scene,
                );
            }
            victim.kill();
            self.clean();
        }
        self.tried += chosen.len();
        let waits: Vec<usize> = self
            .waited
            .iter()
            .zip(before)
            .map(|(now, before)| now - before)
            .collect();
        println!(
            "{}: {} points; waits of create, change, remove: {waits:?}",
            scenario.name,
            chosen.len()
        );
        Ok(())
    }

    fn clean(&mut self) {
        points::clean_object();
        let _ = self.steady.clean();
        let _ = self.directory;
    }

    fn look(&mut self, at: &str, scenario: &Scenario<'_>, scene: Scene) {
        for answer in in_child(|| others(scenario, scene)) {
            match WAITING.iter().position(|what| *what == answer) {
                Some(place) => {
                    if let Some(count) = self.waited.get_mut(place) {
                        *count += 1;
                    }
                }
                None => self.report.finding(format!("{at}: {answer}")),
            }
        }
    }
}

/// What may not wait is a finding if it does not succeed; what may wait is named if it gave up.
fn others(scenario: &Scenario<'_>, scene: Scene) -> Vec<String> {
    let mut answers = Vec::new();
    let mut must = |what: &str, result: calls::Result<()>| {
        if let Err(errno) = result {
            answers.push(format!("{what}: errno {errno}"));
        }
    };
    must("lookup of another key", calls::get(KEY + 1, 0, 0).map(drop));
    must(
        "IPC_STAT of another segment",
        calls::stat(scene.spare).map(drop),
    );
    must(
        "attach, touch and detach of another segment",
        use_other(scene.spare),
    );
    must(
        "IPC_SET of another segment",
        calls::set_mode(scene.spare, 0o600),
    );
    let may_be_gone = scenario.expected.may_vanish;
    if scene.id >= 0 {
        must(
            "lookup of the key",
            gone(
                calls::get(KEY, 0, 0).map(drop),
                may_be_gone || scenario.before.removed || scenario.before.attached,
            ),
        );
        must(
            "IPC_STAT of the segment",
            gone(calls::stat(scene.id).map(drop), may_be_gone),
        );
    }
    let mut may = |what: &str, result: calls::Result<()>| {
        if result == Err(libc::EDEADLK) {
            answers.push(what.to_owned());
        }
    };
    if scene.id >= 0 {
        may(
            WAITING[1],
            calls::attach(scene.id, 0).and_then(calls::detach),
        );
    }
    may(
        WAITING[0],
        calls::get(libc::IPC_PRIVATE, 4096, 0o600).map(drop),
    );
    may(WAITING[2], calls::remove(scene.spare));
    answers
}

fn use_other(id: i32) -> calls::Result<()> {
    let address = calls::attach(id, 0)?;
    // SAFETY: attached for writing.
    unsafe { (address as *mut u8).write_volatile(1) };
    calls::detach(address)
}

/// Not being there any more is an answer too.
fn gone(result: calls::Result<()>, allowed: bool) -> calls::Result<()> {
    match result {
        Err(libc::EINVAL | libc::EIDRM | libc::ENOENT) if allowed => Ok(()),
        other => other,
    }
}
