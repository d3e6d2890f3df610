//! What was made and never removed, taken and never given back.

use crate::groups::{self, Group, Held, Manner};
use crate::model::{HoldId, HoldKind, Kind, Model, Object, ObjectId, Origin, Release};
use crate::stream::Ending;
use crate::style::{Role, Style};
use crate::symbols::{Frame, Symbols};
use crate::words;

/// What is left over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaks {
    /// Segments never removed and objects never unlinked, though a recorded call made them: they stay in the system.
    pub lasting: Vec<ObjectId>,
    /// What processes still held when they ended, though they had taken it themselves: the kernel let go of it for them.
    pub held: Vec<HoldId>,
    /// The same of holds that came by fork or over an exec: nobody expects a child to give them back.
    pub inherited: usize,
    /// Processes that have not ended: what they hold or made may still be given back or removed.
    pub running: Vec<u32>,
}

/// Whether an object stays in the system though a recorded call made it.
pub(crate) fn is_lasting(object: &Object) -> bool {
    object.kind.outlives_processes()
        && is_of_the_run(object)
        && !object.is_removed()
        && !object.removed_elsewhere
}

/// Whether a recorded call made the object, or may have.
pub(crate) fn is_of_the_run(object: &Object) -> bool {
    object.origin != Origin::Found
}

/// How many objects recorded calls made.
pub(crate) fn made(model: &Model) -> u64 {
    let objects = model.objects().iter();
    objects.filter(|object| is_of_the_run(object)).count() as u64
}

/// Looks for leaks in everything that was recorded.
#[must_use]
pub fn find(model: &Model) -> Leaks {
    let objects = model.objects().numbered();
    let lasting = objects.filter(|(_, object)| is_lasting(object));
    let mut leaks = Leaks {
        lasting: lasting.map(|(id, _)| id).collect(),
        ..Leaks::default()
    };
    for (id, hold) in model.holds().numbered() {
        let mapped = !matches!(hold.kind, HoldKind::Descriptor(_));
        match hold.to {
            // A descriptor that is close-on-exec was closed as its owner wished.
            Some((_, Release::Exec)) if !mapped => {}
            Some((_, Release::Exit | Release::Exec)) if hold.inherited => leaks.inherited += 1,
            Some((_, Release::Exit | Release::Exec)) => leaks.held.push(id),
            Some((_, Release::Call | Release::PassedOn)) | None => {}
        }
    }
    for process in model.processes() {
        if process
            .end
            .is_none_or(|(_, ending)| ending == Ending::Running)
        {
            leaks.running.push(process.start.pid);
        }
    }
    leaks
}

impl Leaks {
    /// What stays, counted, with this many segments more; empty if nothing does.
    pub(crate) fn counts(&self, model: &Model, more: usize) -> String {
        let is_segment = |id: &&ObjectId| {
            model
                .object(**id)
                .is_some_and(|object| matches!(object.kind, Kind::Segment { .. }))
        };
        let of_segments = self.lasting.iter().filter(is_segment).count();
        let (segments, others) = (of_segments + more, self.lasting.len() - of_segments);
        let mut parts = Vec::new();
        if segments > 0 {
            let segments = words::count(segments as u64, "segment");
            parts.push(format!("{segments} never removed"));
        }
        if others > 0 {
            let others = words::count(others as u64, "object");
            parts.push(format!("{others} never unlinked"));
        }
        parts.join(", ")
    }

    /// What stays, with the places where it was made.
    pub(crate) fn lasting_text(
        &self,
        model: &Model,
        symbols: &mut Symbols,
        manner: Manner,
    ) -> String {
        let groups = groups::objects(model, symbols, &self.lasting, manner.sort);
        let text = |group: &Group| lasting(model, group, manner);
        groups.iter().map(text).collect()
    }

    /// What processes held at their ends, with the places where they took it.
    pub(crate) fn held_text(&self, model: &Model, symbols: &mut Symbols, manner: Manner) -> String {
        let mut text = String::new();
        for holders in groups::holds(model, symbols, &self.held, manner.sort) {
            let who = groups::makers(model, &holders.processes);
            text += &format!("  {who} still held at {}:\n", holders.how);
            for group in &holders.held {
                text += &held(model, group, manner.style);
            }
        }
        if self.inherited > 0 {
            let count = self.inherited;
            text += &format!("  held at the end by inheritance (fork, exec): {count}, no leak\n");
        }
        text
    }
}

/// Objects that stay, and where they were made.
fn lasting(model: &Model, group: &Group, manner: Manner) -> String {
    let first = group.objects.first().and_then(|id| model.object(*id));
    let what = match first.map(|object| &object.kind) {
        Some(Kind::Segment { .. }) => "never removed",
        _ => "never unlinked",
    };
    let made = match group.origin {
        Origin::CreatedOrFound => "made or found by",
        _ => "made by",
    };
    let label = manner.style.paint(Role::Object, &group.label(model));
    let mut text = format!("  {label}: {what}\n");
    let examples = group.examples(model, manner.examples);
    if !examples.is_empty() {
        text += &format!("    {examples}\n");
    }
    text += &format!("    {made} {}, {}\n", group.makers(model), group.call);
    text + &places(&group.places, manner.style)
}

fn held(model: &Model, group: &Held<'_>, style: Style) -> String {
    let object = group.objects_label(model);
    let painted = style.paint(Role::Object, &object);
    let label = group.label(model).replacen(&object, &painted, 1);
    let line = format!("    {label}, by {}\n", group.first.site.call);
    line + &places(&group.places, style)
}

/// The call site, one frame a line.
pub(crate) fn places(frames: &[Frame], style: Style) -> String {
    let line = |frame: &Frame| format!("      {}\n", style.paint(Role::Call, &frame.label()));
    frames.iter().map(line).collect()
}
