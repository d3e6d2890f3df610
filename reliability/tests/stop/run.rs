//! For each call and its instructions: a process stopped there, a second one stopped at some instruction of some call on
//! the same segment, and what a third one gets done.

use partage_reliability::calls;
use partage_reliability::points::{self, Points};
use partage_reliability::report::Report;
use partage_reliability::scenarios::{self, Scenario, Victim};
use partage_reliability::steady::{KEY, Scene, Steady, in_child};
use partage_reliability::tracee::Tracee;
use partage_tests::random::Random;
use std::path::Path;
use std::process::ExitCode;

/// Calls that may have to wait while another process is stopped: one that makes or removes a segment may wait for another
/// that does so. No other call waits.
const WAITING: [&str; 2] = ["create", "remove"];

struct Run<'a> {
    directory: &'a Path,
    steady: Steady,
    report: Report,
    tried: usize,
    /// At how many points each of [`WAITING`] had to wait.
    waited: [usize; 2],
    /// The instructions of each call, once they are known.
    recorded: Vec<(&'static Scenario<'static>, Points)>,
    random: Random,
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
        waited: [0; 2],
        recorded: Vec::new(),
        random: Random::new(1),
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
        "{} points stopped at, with another process stopped elsewhere; reads, attaches and detaches never waited; others: {}",
        run.tried,
        waited.join(", ")
    );
    run.report.end("stop", &figures)
}

impl Run<'_> {
    fn scenario(
        &mut self,
        scenario: &'static Scenario<'static>,
        most: Option<usize>,
    ) -> Result<(), String> {
        let scene = self.steady.prepare(scenario.before)?;
        let points = Points::record(&mut points::victim(scenario, scene)?, |_| {})?;
        self.clean();
        let chosen = points.spread(most);
        self.recorded.push((scenario, points));
        let before = self.waited;
        for &point in &chosen {
            self.stop_at(scenario, point)?;
        }
        self.tried += chosen.len();
        let waits: Vec<usize> = self
            .waited
            .iter()
            .zip(before)
            .map(|(now, before)| now - before)
            .collect();
        println!(
            "{}: {} points; waits of create, remove: {waits:?}",
            scenario.name,
            chosen.len()
        );
        Ok(())
    }

    /// One process stopped at a point of the call that was recorded last, and one that is stopped in another.
    fn stop_at(
        &mut self,
        scenario: &'static Scenario<'static>,
        point: usize,
    ) -> Result<(), String> {
        let scene = self.steady.prepare(scenario.before)?;
        let mut first = points::victim(scenario, scene)?;
        let Some((_, points)) = self.recorded.last() else {
            return Ok(());
        };
        let is_there = points.bring(&mut first, point)?;
        let mut at = format!("{} stopped at instruction {point}", scenario.name);
        let mut second = None;
        if is_there {
            let mut may_vanish = scenario.expected.may_vanish;
            if let Some((index, point)) = self.choose_another(scenario) {
                match self.stop_another(index, point, scene) {
                    Ok((tracee, other)) => {
                        may_vanish |= other.expected.may_vanish;
                        at.push_str(&format!(", {} at instruction {point}", other.name));
                        second = Some(tracee);
                    }
                    Err(error) => self
                        .report
                        .finding(format!("{at}: another process: {error}")),
                }
            }
            self.look(&at, scenario, scene, may_vanish);
        }
        first.kill();
        if let Some(second) = second {
            second.kill();
        }
        self.clean();
        Ok(())
    }

    /// A call that begins with the same things there, and one of its instructions.
    fn choose_another(&mut self, first: &Scenario<'_>) -> Option<(usize, usize)> {
        let fitting: Vec<usize> = (0..self.recorded.len())
            .filter(|&index| {
                let known = self.recorded.get(index);
                known.is_some_and(|(scenario, _)| scenario.before == first.before)
            })
            .collect();
        let index = *fitting.get(self.random.below(fitting.len().max(1)))?;
        let near = self.recorded.get(index)?.1.spread(None);
        let point = near.get(self.random.below(near.len().max(1)))?;
        Some((index, *point))
    }

    /// Stops a process there. It may have got through its call, if the first one changes its way.
    fn stop_another(
        &mut self,
        index: usize,
        point: usize,
        scene: Scene,
    ) -> Result<(Tracee, &'static Scenario<'static>), String> {
        let (scenario, points) = self.recorded.get(index).ok_or("no such call")?;
        let mut second = points::victim(scenario, scene)?;
        points.bring(&mut second, point)?;
        Ok((second, scenario))
    }

    fn clean(&mut self) {
        points::clean_object();
        let _ = self.steady.clean();
        let _ = self.directory;
    }

    fn look(&mut self, at: &str, scenario: &Scenario<'_>, scene: Scene, may_vanish: bool) {
        for answer in in_child(|| others(scenario, scene, may_vanish)) {
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
fn others(scenario: &Scenario<'_>, scene: Scene, may_be_gone: bool) -> Vec<String> {
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
        must(
            "attach and detach of the segment",
            gone(
                calls::attach(scene.id, 0).and_then(calls::detach),
                may_be_gone,
            ),
        );
    }
    let mut may = |what: &str, result: calls::Result<()>| {
        if result == Err(libc::EDEADLK) {
            answers.push(what.to_owned());
        }
    };
    may(
        WAITING[0],
        calls::get(libc::IPC_PRIVATE, 4096, 0o600).map(drop),
    );
    may(WAITING[1], calls::remove(scene.spare));
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
