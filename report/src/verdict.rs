//! Whether a run was clean, left something, or cannot be judged: the leaks of the recording, held against the system.

use std::collections::{BTreeSet, HashSet};

use crate::afterwards::{Afterwards, Object as LeftObject, Segment};
use crate::groups::{self, Group, Manner};
use crate::leaks::{self, Leaks};
use crate::limits;
use crate::model::{Kind, Model, ObjectId, Process};
use crate::recording::Recording;
use crate::style::{Role, Style};
use crate::symbols::Symbols;
use crate::words;

/// So many things that appeared by no recorded call are named.
const MOST_APPEARED: usize = 10;

/// How many leaks are not told, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untold {
    /// A suppression names them.
    pub suppressed: usize,
    /// The baseline knows them.
    pub known: usize,
}

/// What counts as a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// What stays in the system.
    Lasting,
    /// Also what another process removed after its maker had ended.
    Abandoned,
    /// Also what a process still held at its end.
    All,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is left that the run made.
    Clean,
    /// Something is.
    Leaks,
    /// It cannot be told, yet or at all.
    Unclear,
}

/// What is left of a run, and how sure that is.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What the recording knows, less what is gone.
    pub leaks: Leaks,
    /// Segments that a process of the run made by calls that were not recorded.
    pub unrecorded: Vec<Segment>,
    /// Objects and segments that appeared during the run; who made them was not recorded.
    pub appeared: Vec<String>,
    /// Made by a recorded process, and gone though nobody recorded removed them.
    pub removed_elsewhere: Vec<ObjectId>,
    /// Removed by a process that had nothing to do with them, after their makers had ended.
    pub abandoned: Vec<ObjectId>,
    /// What was not seen: a sentence each.
    pub doubts: Vec<String>,
    /// The same of what processes held: it says nothing of what lasts.
    pub doubts_of_holds: Vec<String>,
    /// What is left out of the lists above on the user's word.
    pub untold: Untold,
}

impl Verdict {
    /// Judges a recording. The model is of that recording, with its ends held against the system.
    #[must_use]
    pub fn of(recording: &Recording, model: &Model) -> Self {
        let mut verdict = Verdict {
            leaks: leaks::find(model),
            doubts: limits::doubts(recording, model),
            doubts_of_holds: limits::doubts_of_holds(recording),
            abandoned: abandoned(model),
            ..Verdict::default()
        };
        verdict.leaks.running.extend(recording.silent());
        let objects = model.objects().numbered();
        let elsewhere = objects.filter(|(_, object)| object.removed_elsewhere);
        verdict.removed_elsewhere = elsewhere.map(|(id, _)| id).collect();
        if let Some(afterwards) = recording.afterwards() {
            verdict.compare(recording, model, afterwards);
        }
        verdict
    }

    /// Takes in what is left and was not there before, unless the recording knows it.
    fn compare(&mut self, recording: &Recording, model: &Model, afterwards: &Afterwards) {
        let pids = recorded_pids(model);
        let unseen = limits::unseen_pids(recording, model);
        // Of thousands on both sides each is looked for.
        let (mut ids, mut names) = (HashSet::new(), HashSet::new());
        for object in self.leaks.lasting.iter().filter_map(|id| model.object(*id)) {
            match &object.kind {
                Kind::Segment { shmid, .. } if object.ipc == 0 => drop(ids.insert(*shmid)),
                Kind::Segment { .. } => {}
                Kind::Named(name) => drop(names.insert(name.as_str())),
                Kind::Memfd(_) | Kind::Anonymous | Kind::Unknown(_) => {}
            }
        }
        let mut unrecorded = Vec::new();
        let mut appeared = Vec::new();
        for segment in afterwards.segments.iter().filter(|segment| segment.new) {
            if ids.contains(&segment.shmid) {
                continue;
            }
            if pids.contains(&segment.cpid) || unseen.contains(&segment.cpid) {
                unrecorded.push(segment.clone());
            } else if !unseen.is_empty() || model.processes().is_empty() {
                // It may be a child of a program that was not seen.
                appeared.push(format!(
                    "shmid {} {}, made by pid {}",
                    segment.shmid,
                    words::size(segment.size),
                    segment.cpid
                ));
            }
        }
        let uids = recording.uids();
        for object in afterwards.objects.iter().filter(|object| object.new) {
            let known = names.contains(object.name.as_str());
            if !known && is_suspect(object, &pids, &uids) {
                let name = words::printable(&object.name);
                appeared.push(format!("{name} {}", words::size(object.size)));
            }
        }
        self.unrecorded = unrecorded;
        self.appeared = appeared;
    }

    /// The verdict in one word.
    #[must_use]
    pub fn status(&self, counting: Counting) -> Status {
        let abandoned = counting != Counting::Lasting && !self.abandoned.is_empty();
        let held = counting == Counting::All && !self.leaks.held.is_empty();
        let left = !self.leaks.lasting.is_empty() || !self.unrecorded.is_empty();
        if held || abandoned || left && self.leaks.running.is_empty() {
            Status::Leaks
        } else if left || !self.is_sure(counting) {
            Status::Unclear
        } else {
            Status::Clean
        }
    }

    fn is_sure(&self, counting: Counting) -> bool {
        let holds_are_known = counting != Counting::All || self.doubts_of_holds.is_empty();
        self.leaks.running.is_empty()
            && self.doubts.is_empty()
            && self.appeared.is_empty()
            && holds_are_known
    }

    /// The verdict and its reasons, with the places where things were made.
    #[must_use]
    pub fn text(&self, model: &Model, symbols: &mut Symbols, manner: impl Into<Manner>) -> String {
        let manner = manner.into();
        let style = manner.style;
        let mut text = style.paint(Role::Heading, "Leaks");
        text.push('\n');
        let (role, line) = self.line(model);
        text += &style.paint(role, &format!("  {line}"));
        text.push('\n');
        if self.untold != Untold::default() {
            let Untold { suppressed, known } = self.untold;
            text +=
                &format!("  not told: {suppressed} suppressed, {known} known from the baseline\n");
        }
        if !self.leaks.running.is_empty() {
            text += "  they may still remove it, or make more: with --wait, partage trace waits for them\n";
        }
        text += &self.leaks.lasting_text(model, symbols, manner);
        for segment in &self.unrecorded {
            text += &unrecorded(model, style, segment);
        }
        for name in self.appeared.iter().take(MOST_APPEARED) {
            let name = style.paint(Role::Object, name);
            text += &format!("  {name}: appeared meanwhile, by no recorded call\n");
        }
        if let more @ 1.. = self.appeared.len().saturating_sub(MOST_APPEARED) {
            text += &format!("  {more} more appeared meanwhile, by no recorded call\n");
        }
        for group in groups::objects(model, symbols, &self.abandoned, manner.sort) {
            text += &tidied(model, &group, manner);
        }
        for group in groups::objects(model, symbols, &self.removed_elsewhere, manner.sort) {
            text += &elsewhere(model, &group, manner);
        }
        text + &self.leaks.held_text(model, symbols, manner)
    }

    /// Why it cannot be told whether more leaked, a sentence each.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = self.doubts.clone();
        if !self.leaks.running.is_empty() {
            let pids: Vec<String> = self.leaks.running.iter().map(u32::to_string).collect();
            reasons.push(format!("still running: pid {}", pids.join(", ")));
        }
        let appeared = self.appeared.iter().take(MOST_APPEARED);
        reasons.extend(
            appeared.map(|name| format!("{name}: appeared meanwhile, by no recorded call")),
        );
        if let more @ 1.. = self.appeared.len().saturating_sub(MOST_APPEARED) {
            reasons.push(format!(
                "{more} more appeared meanwhile, by no recorded call"
            ));
        }
        reasons
    }

    /// The verdict in one sentence.
    #[must_use]
    pub fn sentence(&self, model: &Model) -> String {
        self.line(model).1
    }

    /// The verdict in one line.
    fn line(&self, model: &Model) -> (Role, String) {
        let running = match self.leaks.running.as_slice() {
            [] => String::new(),
            pids => {
                let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
                format!(" so far: still running: pid {}", pids.join(", "))
            }
        };
        let counted = self.leaks.counts(model, self.unrecorded.len());
        if !counted.is_empty() {
            return (Role::Error, format!("{counted}{running}"));
        }
        if !self.doubts.is_empty() || !self.appeared.is_empty() {
            let line = format!("cannot tell whether anything leaked{running}: not all was seen");
            return (Role::Error, line);
        }
        let made = words::count(leaks::made(model), "object");
        if self.abandoned.is_empty() && self.removed_elsewhere.is_empty() {
            let line = format!("no leak: everything made was removed ({made} made){running}");
            return (Role::Good, line);
        }
        let line = format!("no leak: nothing is left ({made} made){running}");
        (Role::Good, line)
    }
}

/// Every process of the run.
fn recorded_pids(model: &Model) -> BTreeSet<u32> {
    let processes = model.processes().iter();
    let pids = processes.map(|process| process.start.pid);
    pids.chain(model.silent_children()).collect()
}

/// Whether a new object may be the run's: it belongs to one of its users, and nobody else alive has it.
fn is_suspect(object: &LeftObject, pids: &BTreeSet<u32>, uids: &BTreeSet<u32>) -> bool {
    let of_others =
        !object.holders.is_empty() && object.holders.iter().all(|pid| !pids.contains(pid));
    !of_others && (uids.is_empty() || uids.contains(&object.uid))
}

/// Objects that somebody removed who never held them, is no ancestor of their maker, and came after its end.
fn abandoned(model: &Model) -> Vec<ObjectId> {
    let is_abandoned = |id: &ObjectId| {
        let object = model.object(*id)?;
        let removed = object.removed.as_ref()?;
        let (maker, remover) = (
            model.process(object.first.process)?,
            model.process(removed.process)?,
        );
        let (ended, _) = maker.end?;
        let mut holds = object.holds.iter().filter_map(|hold| model.hold(*hold));
        let held = holds.any(|hold| {
            let holder = model.process(hold.process);
            holder.is_some_and(|holder| holder.start.pid == remover.start.pid)
        });
        let stranger = maker.start.pid != remover.start.pid && !is_ancestor(model, remover, maker);
        (object.kind.outlives_processes()
            && leaks::is_of_the_run(object)
            && stranger
            && !held
            && ended <= removed.time)
            .then_some(())
    };
    let ids = model.objects().numbered().map(|(id, _)| id);
    ids.filter(|id| is_abandoned(id).is_some()).collect()
}

fn is_ancestor(model: &Model, elder: &Process, process: &Process) -> bool {
    const GENERATIONS: usize = 64;
    let mut pid = process.start.ppid;
    for _ in 0..GENERATIONS {
        if pid == elder.start.pid {
            return true;
        }
        let parent = model
            .processes()
            .iter()
            .rev()
            .find(|process| process.start.pid == pid);
        match parent {
            Some(parent) => pid = parent.start.ppid,
            None => return false,
        }
    }
    false
}

fn unrecorded(model: &Model, style: Style, segment: &Segment) -> String {
    let key = match segment.key {
        0 => "private".to_owned(),
        key => format!("key {key:#x}"),
    };
    let size = words::size(segment.size);
    let label = style.paint(
        Role::Object,
        &format!("shmid {} \"{key}\" {size}", segment.shmid),
    );
    let mut makers = model.processes().iter().rev();
    let maker = makers.find(|process| process.start.pid == segment.cpid);
    let maker = maker.map_or_else(|| segment.cpid.to_string(), Process::label);
    format!("  {label}: never removed\n    made by pid {maker}, by a call that was not recorded\n")
}

fn tidied(model: &Model, group: &Group, manner: Manner) -> String {
    let first = group.objects.first().and_then(|id| model.object(*id));
    let Some(object) = first else {
        return String::new();
    };
    let name = |process: usize| {
        model
            .process(process)
            .map_or_else(String::new, Process::description)
    };
    let remover = object.removed.as_ref().map_or(0, |deed| deed.process);
    let label = manner.style.paint(Role::Object, &group.label(model));
    let mut text = format!("  {label}: left by its maker, cleaned up by another\n");
    text += &examples(model, group, manner);
    let maker = match group.processes.len() {
        1 => name(object.first.process),
        _ => group.makers(model),
    };
    text += &format!("    made by {maker}, {}\n", group.call);
    text += &leaks::places(&group.places, manner.style);
    text + &format!("    cleaned up by {}\n", name(remover))
}

fn elsewhere(model: &Model, group: &Group, manner: Manner) -> String {
    let label = manner.style.paint(Role::Object, &group.label(model));
    let first = group.objects.first().and_then(|id| model.object(*id));
    let how = match first.is_some_and(|object| object.ipc != 0) {
        true => "gone with its IPC namespace",
        false => "gone, removed by somebody outside the recording",
    };
    let line = format!("  {label}: {how}: no leak\n");
    line + &examples(model, group, manner)
}

fn examples(model: &Model, group: &Group, manner: Manner) -> String {
    match group.examples(model, manner.examples) {
        none if none.is_empty() => none,
        some => format!("    {some}\n"),
    }
}
