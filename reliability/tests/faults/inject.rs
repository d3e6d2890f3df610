//! For each call, each system call that it makes and each errno that this one can have: the answer, and what is left.

use crate::answers;
use crate::system_calls::{self, SystemCall, descriptors, mappings};
use partage_reliability::calls;
use partage_reliability::points::{self, Points};
use partage_reliability::preload::{Directory, with_namespace};
use partage_reliability::report::Report;
use partage_reliability::scenarios::{self, Scenario, Victim};
use partage_reliability::steady::{Expected, OneCall, Scene, Steady, Witness, in_child};
use partage_reliability::tracee::{Stop, Tracee};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

/// A scene, and a process in it that is about to make the call.
type Ready = (Scene, Tracee);

struct Run<'a> {
    directory: &'a Path,
    steady: Steady,
    report: Report,
    injected: usize,
    /// Failures that did not come about, for the system call was not made again.
    missed: Vec<String>,
}

/// How often a failure is tried that does not come about: what is made depends on what the dead left.
const TRIES: u32 = 4;

pub(crate) fn all(directory: &Path) -> ExitCode {
    // SAFETY: plain numbers. Children of victims become this process's.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let steady = Steady::start(directory);
    let mut run = Run {
        directory,
        steady,
        report: Report::default(),
        injected: 0,
        missed: Vec::new(),
    };
    for scenario in &scenarios::ALL {
        run.guarded(scenario.name, |run| run.scenario(scenario));
    }
    for (earlier, scenario) in &scenarios::RECOVERIES {
        if let Some(earlier) = scenarios::ALL.get(*earlier) {
            run.guarded(scenario.name, |run| run.recovery(earlier, scenario));
        }
    }
    run.guarded("first", Run::first_of_all);
    points::clean_object();
    for missed in &run.missed {
        println!("not made again: {missed}");
    }
    let figures = format!(
        "{} failures of system calls, {} not brought about",
        run.injected,
        run.missed.len()
    );
    run.report.end("faults", &figures)
}

/// How many system calls like the one at `place` are made before it.
fn earlier(made: &[SystemCall], place: usize) -> usize {
    let before = made.iter().take(place);
    before.filter(|call| made.get(place) == Some(call)).count()
}

/// What a call came to that a failure was meant for.
enum Outcome {
    /// The system call that was to fail was not made.
    NotMade,
    /// The errno that the caller got, or 0; `None` when the call did not return.
    Made(Option<i32>),
}

fn outcome(victim: &mut Tracee, call: (&SystemCall, usize), errno: i32) -> Result<Outcome, String> {
    Ok(match system_calls::inject(victim, call, errno)? {
        None => Outcome::NotMade,
        Some(Stop::Mark) => Outcome::Made(Some(victim.outcome()?)),
        Some(_) => Outcome::Made(None),
    })
}

/// What failed, in words.
fn named(scenario: &Scenario<'_>, place: usize, call: &SystemCall, errno: i32) -> String {
    format!(
        "{}: {}, the {place}th, fails with {errno}",
        scenario.name, call.name
    )
}

impl Run<'_> {
    fn guarded(&mut self, name: &str, body: impl FnOnce(&mut Self) -> Result<(), String>) {
        if let Err(error) = body(self) {
            self.report.finding(format!("{name}: {error}"));
        }
    }

    fn scenario(&mut self, scenario: &Scenario<'_>) -> Result<(), String> {
        // Once for what is only made the first time.
        let scene = self.steady.prepare(scenario.before)?;
        points::victim(scenario, scene)?.go_on()?;
        self.clean(scenario.name);
        self.each_failure(scenario, |run| {
            let scene = run.steady.prepare(scenario.before)?;
            Ok((scene, points::victim(scenario, scene)?))
        })
    }

    /// A call that meets what a process left that was killed in another.
    fn recovery(&mut self, earlier: &Scenario<'_>, scenario: &Scenario<'_>) -> Result<(), String> {
        let scene = self.steady.prepare(earlier.before)?;
        let first = Points::record(&mut points::victim(earlier, scene)?, |_| {})?;
        self.clean(earlier.name);
        // At the beginning, in the middle and late.
        for death in first.spread(Some(3)) {
            let name = format!("{}, after a death in {}", scenario.name, earlier.name);
            let named = Scenario {
                name: &name,
                ..*scenario
            };
            self.each_failure(&named, |run| {
                let scene = run.steady.prepare(scenario.before)?;
                let mut dead = points::victim(earlier, scene)?;
                first.bring(&mut dead, death)?;
                drop(dead.take_child());
                dead.kill();
                Ok((scene, points::victim(&named, scene)?))
            })?;
        }
        Ok(())
    }

    fn each_failure(
        &mut self,
        scenario: &Scenario<'_>,
        mut ready: impl FnMut(&mut Self) -> Result<Ready, String>,
    ) -> Result<(), String> {
        let (_, mut caller) = ready(self)?;
        let open = descriptors(caller.pid);
        let made = points::with_victim(&mut caller, scenario.victim, system_calls::record)?;
        drop(caller);
        self.clean(scenario.name);
        for (place, call) in made.iter().enumerate() {
            let earlier = earlier(&made, place);
            for &errno in call.errnos() {
                let at = named(scenario, place, call, errno);
                let mut is_made = false;
                for _ in 0..TRIES {
                    let ready = ready(self)?;
                    is_made = self.one(scenario, (&at, call, earlier, errno), ready, open)?;
                    if is_made {
                        break;
                    }
                }
                if !is_made {
                    self.missed.push(at);
                }
            }
        }
        println!("{}: {} system calls", scenario.name, made.len());
        Ok(())
    }

    fn one(
        &mut self,
        scenario: &Scenario<'_>,
        (at, call, earlier, errno): (&str, &SystemCall, usize, i32),
        (scene, mut caller): Ready,
        open: usize,
    ) -> Result<bool, String> {
        let refused = matches!(errno, libc::EPERM | libc::EACCES | libc::EROFS);
        let injected = points::with_victim(&mut caller, scenario.victim, |victim| {
            outcome(victim, (call, earlier), errno)
        })?;
        let Outcome::Made(outcome) = injected else {
            drop(caller);
            self.clean(at);
            return Ok(false);
        };
        self.injected += 1;
        self.judge(scenario, at, (call, earlier), errno, outcome);
        let mut child = caller.take_child();
        if let (Some(child), Victim::Parent) = (&mut child, scenario.victim)
            && child.go_on()? != Stop::Mark
        {
            self.report
                .finding(format!("{at}: the child did not come through"));
        }
        let mut mapped = 0;
        for process in [Some(&caller), child.as_ref()].into_iter().flatten() {
            let left_open = descriptors(process.pid).saturating_sub(open);
            if left_open > 0 {
                self.report
                    .finding(format!("{at}: {left_open} descriptors left open"));
            }
            mapped += mappings(self.directory, process.pid, scene.id);
        }
        // While they live their attachments count; how many they have, the kernel's list of mappings says.
        let others = u64::from(scenario.before.attached);
        self.look(at, refused, scenario, scene, mapped + others);
        caller.kill();
        if let Some(child) = child {
            // Without a liveness of its own its attachments may count for its parent's: for too long, never too short.
            let least = mappings(self.directory, child.pid, scene.id) + others;
            let counted = in_child(|| {
                vec![format!(
                    "{:?}",
                    calls::stat(scene.id).map(|status| status.shm_nattch >= least)
                )]
            });
            if counted != ["Ok(true)"] {
                self.report
                    .finding(format!("{at}: the child that is left is not counted"));
            }
            drop(child);
        }
        self.look(at, refused, scenario, scene, others);
        self.clean(at);
        Ok(true)
    }

    /// Compares what the caller was told with what is right.
    fn judge(
        &mut self,
        scenario: &Scenario<'_>,
        at: &str,
        (call, earlier): (&SystemCall, usize),
        errno: i32,
        outcome: Option<i32>,
    ) {
        match outcome {
            None => self
                .report
                .finding(format!("{at}: the call did not return")),
            Some(outcome) => {
                if std::env::var_os("PARTAGE_FAULTS_SHOW").is_some() {
                    println!("{} | {} | {errno} -> {outcome}", scenario.name, call.name);
                }
                let right = answers::right(scenario.name, (&call.name, earlier), errno);
                if !right.contains(&outcome) {
                    self.report
                        .finding(format!("{at}: the caller got {outcome}, not {right:?}"));
                }
            }
        }
    }

    fn look(
        &mut self,
        at: &str,
        refused: bool,
        scenario: &Scenario<'_>,
        scene: Scene,
        nattch: u64,
    ) {
        let expected = Expected {
            nattch,
            may_vanish: scenario.expected.may_vanish,
        };
        let steady = &mut self.steady;
        for finding in steady.look(self.directory, true, scene, OneCall::Create, expected) {
            // What the kernel does not let it do to the file, IPC_SET records all the same.
            if !(refused && finding.starts_with("mode")) {
                self.report.finding(format!("{at}; then: {finding}"));
            }
        }
    }

    fn clean(&mut self, at: &str) {
        points::clean_object();
        for finding in self.steady.clean() {
            self.report
                .finding(format!("{at}, after cleaning up: {finding}"));
        }
    }

    /// The very first call makes the directory and the registry.
    fn first_of_all(&mut self) -> Result<(), String> {
        const NONE: Scene = Scene { id: -1, spare: -1 };
        let scenario = &scenarios::FIRST_OF_ALL;
        let made =
            in_new_directory(|_| system_calls::record(&mut points::victim(scenario, NONE)?))?;
        for (place, call) in made.iter().enumerate() {
            let earlier = earlier(&made, place);
            for &errno in call.errnos() {
                let at = named(scenario, place, call, errno);
                let (outcome, mut findings) = in_new_directory(|directory| {
                    let mut victim = points::victim(scenario, NONE)?;
                    let open = descriptors(victim.pid);
                    let outcome = outcome(&mut victim, (call, earlier), errno)?;
                    let left_open = descriptors(victim.pid).saturating_sub(open);
                    victim.kill();
                    let mut findings = in_child(|| {
                        Witness::of_empty(directory).look(NONE, OneCall::Create, scenario.expected)
                    });
                    if left_open > 0 {
                        findings.push(format!("{left_open} descriptors left open"));
                    }
                    match directory.metadata() {
                        Ok(status) if status.mode() & 0o7777 == 0o711 => {}
                        other => findings.push(format!(
                            "the directory: {:?}",
                            other.map(|status| status.mode())
                        )),
                    }
                    Ok((outcome, findings))
                })?;
                let Outcome::Made(outcome) = outcome else {
                    self.missed.push(at);
                    continue;
                };
                self.injected += 1;
                self.judge(scenario, &at, (call, earlier), errno, outcome);
                findings
                    .drain(..)
                    .for_each(|finding| self.report.finding(format!("{at}; then: {finding}")));
            }
        }
        println!("{}: {} system calls", scenario.name, made.len());
        Ok(())
    }
}

/// Runs `body` with a directory that is not there yet as the namespace of its children. This process has not used the
/// library.
fn in_new_directory<T>(body: impl FnOnce(&Path) -> Result<T, String>) -> Result<T, String> {
    let parent = Directory::new("faults-first").map_err(|error| error.to_string())?;
    with_namespace(&parent.path().join("namespace"), body)
}
