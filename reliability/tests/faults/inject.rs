//! For each call, each system call that it makes and each errno that this one can have: the answer, and what is left.

use crate::answers;
use crate::points::{self, Points};
use crate::scenarios::{self, Scenario, Victim};
use crate::system_calls::{self, SystemCall, descriptors, mappings};
use partage_reliability::calls;
use partage_reliability::preload::{Directory, with_namespace};
use partage_reliability::report::Report;
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
}

pub(crate) fn all(directory: &Path) -> ExitCode {
    // SAFETY: plain numbers. Children of victims become this process's.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let steady = Steady::start(directory);
    let mut run = Run {
        directory,
        steady,
        report: Report::default(),
        injected: 0,
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
    let figures = format!("{} failures of system calls", run.injected);
    run.report.end("faults", &figures)
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

    /// A call that meets what a process left that was killed with a lock.
    fn recovery(&mut self, earlier: &Scenario<'_>, scenario: &Scenario<'_>) -> Result<(), String> {
        let scene = self.steady.prepare(earlier.before)?;
        let registry = std::fs::File::open(self.directory.join("registry"))
            .map_err(|error| error.to_string())?;
        let mut held = Vec::new();
        let first = Points::record(&mut points::victim(earlier, scene)?, |point| {
            if points::locks_held(&registry) {
                held.push(point);
            }
        })?;
        self.clean(earlier.name);
        // Early and late with a lock.
        for part in [1, 3] {
            let death = *held.get(part * held.len() / 4).ok_or("no lock is held")?;
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
            for &errno in call.errnos() {
                let ready = ready(self)?;
                self.one(scenario, (place, call, errno), ready, open)?;
            }
        }
        println!("{}: {} system calls", scenario.name, made.len());
        Ok(())
    }

    fn one(
        &mut self,
        scenario: &Scenario<'_>,
        (place, call, errno): (usize, &SystemCall, i32),
        (scene, mut caller): Ready,
        open: usize,
    ) -> Result<(), String> {
        let refused = matches!(errno, libc::EPERM | libc::EACCES | libc::EROFS);
        let at = named(scenario, place, call, errno);
        self.injected += 1;
        let outcome = points::with_victim(&mut caller, scenario.victim, |victim| {
            let stop = system_calls::inject(victim, place, errno)?;
            Ok((stop == Stop::Mark).then_some(victim.outcome()?))
        })?;
        self.judge(scenario, &at, call, errno, outcome);
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
        self.look(&at, refused, scenario, scene, mapped + others);
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
        self.look(&at, refused, scenario, scene, others);
        self.clean(&at);
        Ok(())
    }

    /// Compares what the caller was told with what is right.
    fn judge(
        &mut self,
        scenario: &Scenario<'_>,
        at: &str,
        call: &SystemCall,
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
                let right = answers::right(scenario.name, &call.name, errno);
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
            for &errno in call.errnos() {
                let at = named(scenario, place, call, errno);
                self.injected += 1;
                let (outcome, mut findings) = in_new_directory(|directory| {
                    let mut victim = points::victim(scenario, NONE)?;
                    let open = descriptors(victim.pid);
                    let stop = system_calls::inject(&mut victim, place, errno)?;
                    let outcome = (stop == Stop::Mark).then_some(victim.outcome()?);
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
                self.judge(scenario, &at, call, errno, outcome);
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
