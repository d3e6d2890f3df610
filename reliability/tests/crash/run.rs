//! For each call and each of its instructions: a victim, its death, and what a witness finds.

use partage_reliability::points::{self, Points};
use partage_reliability::preload::{Directory, with_namespace};
use partage_reliability::report::Report;
use partage_reliability::scenarios::{self, Scenario, Victim};
use partage_reliability::steady::{Expected, OneCall, Scene, Steady, Witness, in_child};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

const ONE_CALLS: [OneCall; 3] = [OneCall::Create, OneCall::Remove, OneCall::Stat];

/// What is tried, and what came of it.
struct Run<'a> {
    directory: &'a Path,
    steady: Steady,
    report: Report,
    most: Option<usize>,
    tried: usize,
    instructions: usize,
}

pub(crate) fn all(directory: &Path) -> ExitCode {
    // SAFETY: plain numbers. Children of victims become this process's.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let most = match std::env::var("PARTAGE_CRASH_POINTS") {
        Ok(all) if all == "all" => None,
        number => Some(
            number
                .ok()
                .and_then(|number| number.parse().ok())
                .unwrap_or(25),
        ),
    };
    let steady = Steady::start(directory);
    let mut run = Run {
        directory,
        steady,
        report: Report::default(),
        most,
        tried: 0,
        instructions: 0,
    };
    let only = std::env::var("PARTAGE_CRASH").unwrap_or_default();
    for scenario in scenarios::ALL
        .iter()
        .filter(|scenario| scenario.name.contains(&only))
    {
        run.guarded(scenario.name, |run| run.scenario(scenario));
    }
    for (earlier, scenario) in scenarios::RECOVERIES
        .iter()
        .filter(|_| only.is_empty() || only == "recovery")
    {
        if let Some(earlier) = scenarios::ALL.get(*earlier) {
            run.guarded(scenario.name, |run| run.recovery(earlier, scenario));
        }
    }
    if only.is_empty() || only == "first" {
        run.guarded("first", |run| run.first_of_all(&scenarios::FIRST_OF_ALL));
    }
    points::clean_object();
    let figures = format!(
        "{} points killed of {} instructions",
        run.tried, run.instructions
    );
    run.report.end("crash", &figures)
}

impl Run<'_> {
    fn guarded(&mut self, name: &str, body: impl FnOnce(&mut Self) -> Result<(), String>) {
        if let Err(error) = body(self) {
            self.report.finding(format!("{name}: {error}"));
        }
    }

    fn clean(&mut self, at: &str) {
        points::clean_object();
        for finding in self.steady.clean() {
            self.report
                .finding(format!("{at}, after cleaning up: {finding}"));
        }
    }

    /// The instructions of a call, found by stepping through it once.
    fn record(&mut self, scenario: &Scenario<'_>) -> Result<Points, String> {
        let scene = self.steady.prepare(scenario.before)?;
        let mut caller = points::victim(scenario, scene)?;
        let points = points::with_victim(&mut caller, scenario.victim, |victim| {
            Points::record(victim, |_| {})
        })?;
        drop(caller);
        self.clean(scenario.name);
        Ok(points)
    }

    fn scenario(&mut self, scenario: &Scenario<'_>) -> Result<(), String> {
        let start = Instant::now();
        let points = self.record(scenario)?;
        let chosen = points.spread(self.most);
        for (number, &point) in chosen.iter().enumerate() {
            let scene = self.steady.prepare(scenario.before)?;
            self.kill_and_look(scenario, &points, (number, point), scene)?;
        }
        self.summarise(scenario.name, &points, chosen.len(), start);
        Ok(())
    }

    fn summarise(&mut self, name: &str, points: &Points, tried: usize, start: Instant) {
        self.tried += tried;
        self.instructions += points.count();
        println!(
            "{name}: {tried} points of {} instructions, {:.1} s",
            points.count(),
            start.elapsed().as_secs_f32()
        );
    }

    fn kill_and_look(
        &mut self,
        scenario: &Scenario<'_>,
        points: &Points,
        (number, point): (usize, usize),
        scene: Scene,
    ) -> Result<(), String> {
        let at = format!("{} killed at instruction {point}", scenario.name);
        let mut caller = points::victim(scenario, scene)?;
        points::with_victim(&mut caller, scenario.victim, |victim| {
            points.bring(victim, point)
        })?;
        let mut survivor = None;
        let mut expected = scenario.expected;
        if scenario.victim == Victim::Child {
            drop(caller.take_child());
            survivor = Some(caller);
        } else {
            survivor = caller.take_child().or(survivor);
            expected.nattch += u64::from(survivor.is_some());
            caller.kill();
        }
        let anew = number % 2 == 1;
        let one_call = match ONE_CALLS.get(number / 2 % 3) {
            Some(OneCall::Stat) if scenario.makes_another => OneCall::Create,
            Some(&one_call) => one_call,
            None => OneCall::Create,
        };
        self.look(&at, (one_call, anew), scene, expected);
        if survivor.take().is_some() {
            let alone = Expected {
                nattch: 0,
                ..expected
            };
            self.look(&at, (OneCall::Create, anew), scene, alone);
        }
        self.clean(&at);
        Ok(())
    }

    fn look(
        &mut self,
        at: &str,
        (one_call, anew): (OneCall, bool),
        scene: Scene,
        expected: Expected,
    ) {
        let witness = if anew { "new" } else { "steady" };
        let steady = &mut self.steady;
        for finding in steady.look(self.directory, anew, scene, one_call, expected) {
            // What a file's own mode is, nobody changes on the word of the registry.
            if finding.starts_with("mode ") && at.starts_with("shmctl IPC_SET") {
                continue;
            }
            let text = format!("{at}; then {one_call:?} by a {witness} process: {finding}");
            self.report.finding(text);
        }
    }

    /// A second process is killed as well, at each instruction of a call that meets what the first one left: an announced
    /// change, holdings, a slot in creation or removal. A third one looks.
    fn recovery(&mut self, earlier: &Scenario<'_>, scenario: &Scenario<'_>) -> Result<(), String> {
        let start = Instant::now();
        let first_points = self.record(earlier)?;
        // From early to late; more of them in a full run.
        let deaths = first_points.spread(Some(if self.most.is_some() { 3 } else { 24 }));
        for death in deaths {
            let name = format!(
                "{}, after a death in {} at instruction {death}",
                scenario.name, earlier.name
            );
            let named = Scenario {
                name: &name,
                ..*scenario
            };
            let dead = |run: &mut Self| -> Result<Scene, String> {
                let scene = run.steady.prepare(scenario.before)?;
                let mut victim = points::victim(earlier, scene)?;
                first_points.bring(&mut victim, death)?;
                drop(victim.take_child());
                victim.kill();
                Ok(scene)
            };
            let scene = dead(self)?;
            let mut stepped = points::victim(&named, scene)?;
            let points = Points::record(&mut stepped, |_| {})?;
            drop(stepped);
            self.clean(&name);
            let chosen = points.spread(self.most);
            for (number, &point) in chosen.iter().enumerate() {
                let scene = dead(self)?;
                self.kill_and_look(&named, &points, (number, point), scene)?;
            }
            self.summarise(&name, &points, chosen.len(), start);
        }
        Ok(())
    }

    /// The very first call in a directory makes the registry.
    fn first_of_all(&mut self, scenario: &Scenario<'_>) -> Result<(), String> {
        const NONE: Scene = Scene { id: -1, spare: -1 };
        let start = Instant::now();
        let points =
            in_new_directory(|_| Points::record(&mut points::victim(scenario, NONE)?, |_| {}))?;
        let chosen = points.spread(self.most);
        for &point in &chosen {
            let findings = in_new_directory(|directory| {
                let mut victim = points::victim(scenario, NONE)?;
                points.bring(&mut victim, point)?;
                victim.kill();
                Ok(in_child(|| {
                    Witness::of_empty(directory).look(NONE, OneCall::Create, scenario.expected)
                }))
            })?;
            for finding in findings {
                self.report.finding(format!(
                    "{} killed at instruction {point}: {finding}",
                    scenario.name
                ));
            }
        }
        self.summarise(scenario.name, &points, chosen.len(), start);
        Ok(())
    }
}

/// Runs `body` with an empty directory as the namespace of its children. This process has not used the library.
fn in_new_directory<T>(body: impl FnOnce(&Path) -> Result<T, String>) -> Result<T, String> {
    let directory = Directory::new("crash-first").map_err(|error| error.to_string())?;
    with_namespace(directory.path(), body)
}
