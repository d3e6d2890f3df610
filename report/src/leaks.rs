//! What was made and never removed, taken and never given back.

use std::collections::BTreeMap;

use crate::model::{Hold, HoldId, HoldKind, Kind, Model, Object, ObjectId, Origin, Release, Site};
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
    object.kind.outlives_processes() && object.origin != Origin::Found && !object.is_removed()
}

/// Looks for leaks in everything that was recorded.
#[must_use]
pub fn find(model: &Model) -> Leaks {
    let lasting = model
        .objects()
        .iter()
        .enumerate()
        .filter(|(_, object)| is_lasting(object));
    let mut leaks = Leaks {
        lasting: lasting.map(|(id, _)| id).collect(),
        ..Leaks::default()
    };
    for (id, hold) in model.holds().iter().enumerate() {
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
    /// The verdict and its reasons, with the places where things were made.
    #[must_use]
    pub fn text(&self, model: &Model, symbols: &mut Symbols, style: Style) -> String {
        let mut text = style.paint(Role::Heading, "Leaks");
        text.push('\n');
        text += &self.verdict(model, style);
        for id in &self.lasting {
            text += &lasting(model, symbols, style, *id);
        }
        text += &self.held_text(model, symbols, style);
        if self.inherited > 0 {
            let count = self.inherited;
            text += &format!("  held at the end by inheritance (fork, exec): {count}, no leak\n");
        }
        text
    }

    fn verdict(&self, model: &Model, style: Style) -> String {
        let made = model
            .objects()
            .iter()
            .filter(|object| object.origin != Origin::Found)
            .count();
        let running = match self.running.as_slice() {
            [] => String::new(),
            pids => {
                let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
                format!(" so far: still running: pid {}", pids.join(", "))
            }
        };
        if self.lasting.is_empty() {
            let made = words::count(made as u64, "object");
            let line = format!("  no leak: everything made was removed ({made} made){running}");
            return style.paint(Role::Good, &line) + "\n";
        }
        let is_segment = |id: &&ObjectId| {
            model
                .object(**id)
                .is_some_and(|object| matches!(object.kind, Kind::Segment { .. }))
        };
        let segments = self.lasting.iter().filter(is_segment).count();
        let others = self.lasting.len() - segments;
        let mut parts = Vec::new();
        if segments > 0 {
            parts.push(format!(
                "{} never removed",
                words::count(segments as u64, "segment")
            ));
        }
        if others > 0 {
            parts.push(format!(
                "{} never unlinked",
                words::count(others as u64, "object")
            ));
        }
        style.paint(Role::Error, &format!("  {}{running}", parts.join(", "))) + "\n"
    }

    fn held_text(&self, model: &Model, symbols: &mut Symbols, style: Style) -> String {
        let mut by_process: BTreeMap<usize, Vec<&Hold>> = BTreeMap::new();
        for hold in self.held.iter().filter_map(|id| model.hold(*id)) {
            by_process.entry(hold.process).or_default().push(hold);
        }
        let mut text = String::new();
        for (process, holds) in by_process {
            let Some(process) = model.process(process) else {
                continue;
            };
            let how = match process.end {
                Some((_, Ending::Exited(_))) => "exit",
                Some((_, Ending::Executed)) => "exec",
                _ => "its end",
            };
            text += &format!("  pid {} still held at {how}:\n", process.label());
            for (count, bytes, hold) in alike(&holds) {
                text += &held(model, symbols, style, hold, count, bytes);
            }
        }
        text
    }
}

/// Holds of one kind, object and call site, counted: how many, their bytes, the first.
fn alike<'h>(holds: &[&'h Hold]) -> Vec<(u64, u64, &'h Hold)> {
    let mut groups: Vec<(u64, u64, &Hold)> = Vec::new();
    for hold in holds {
        let same = groups.iter_mut().find(|(_, _, first)| {
            std::mem::discriminant(&first.kind) == std::mem::discriminant(&hold.kind)
                && first.object == hold.object
                && first.site.callers == hold.site.callers
        });
        match same {
            Some((count, bytes, _)) => {
                *count += 1;
                *bytes += hold.left;
            }
            None => groups.push((1, hold.left, hold)),
        }
    }
    groups
}

fn lasting(model: &Model, symbols: &mut Symbols, style: Style, id: ObjectId) -> String {
    let Some(object) = model.object(id) else {
        return String::new();
    };
    let what = match object.kind {
        Kind::Segment { .. } => "never removed",
        _ => "never unlinked",
    };
    let label = style.paint(Role::Object, &object.label());
    let made = match object.origin {
        Origin::CreatedOrFound => "made or found by",
        _ => "made by",
    };
    let owner = model
        .process(object.first.process)
        .map(|process| process.label());
    let mut text = format!("  {label}: {what}\n");
    text += &format!(
        "    {made} pid {}, {}\n",
        owner.unwrap_or_default(),
        object.first.site.call
    );
    text + &places(model, symbols, style, &object.first.site)
}

fn held(
    model: &Model,
    symbols: &mut Symbols,
    style: Style,
    hold: &Hold,
    count: u64,
    bytes: u64,
) -> String {
    let what = match hold.kind {
        HoldKind::Attachment(address) if count == 1 => format!("attachment at {address:#x}"),
        HoldKind::Attachment(_) => words::count(count, "attachment"),
        HoldKind::Mapping(address) if count == 1 => format!("mapping at {address:#x}"),
        HoldKind::Mapping(_) => words::count(count, "mapping"),
        HoldKind::Descriptor(fd) if count == 1 => format!("descriptor {fd}"),
        HoldKind::Descriptor(_) => words::count(count, "descriptor"),
    };
    let size = match hold.kind {
        HoldKind::Descriptor(_) => String::new(),
        _ => format!(", {} mapped", words::size(bytes)),
    };
    let object = model.object(hold.object).map(|object| object.label());
    let object = style.paint(Role::Object, &object.unwrap_or_default());
    let line = format!("    {what} of {object}{size}, by {}\n", hold.site.call);
    line + &places(model, symbols, style, &hold.site)
}

/// The call site, one frame a line.
fn places(model: &Model, symbols: &mut Symbols, style: Style, site: &Site) -> String {
    let line = |frame: &Frame| format!("      {}\n", style.paint(Role::Call, &frame.label()));
    symbols.site(model, site).iter().map(line).collect()
}
