//! What there is, one row for each thing, and how it has grown.

use crate::model::{Attachment, Nameless, NamelessKind, Object, Segment, Snapshot};
use crate::name::shown;
use crate::output::format;
use crate::sources::{self, Extent};
use nix::sys::statvfs::statvfs;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;

/// One thing.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Of the namespace that it is in, if it is in one.
    pub(super) directory: Option<PathBuf>,
    pub(super) thing: Thing,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) owner: String,
    pub(super) size: u64,
    /// `None` when that cannot be told.
    pub(super) resident: Option<u64>,
    /// Since the first look, in bytes of memory in use.
    pub(super) growth: i64,
    pub(super) pids: String,
    pub(super) commands: String,
    pub(super) is_orphan: bool,
}

/// What a row is about.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Thing {
    Segment(Segment),
    Object(Object),
    Nameless(Nameless),
}

impl Row {
    fn key(&self) -> Key {
        let identity = match &self.thing {
            Thing::Nameless(memory) => memory.identity,
            Thing::Segment(_) | Thing::Object(_) => [0; 3],
        };
        (self.name.clone(), self.kind, identity)
    }
}

/// Room in `/dev/shm`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Room {
    pub(super) size: u64,
    pub(super) used: u64,
}

/// Everything that was seen at one moment.
pub(super) struct Look {
    pub(super) rows: Vec<Row>,
    pub(super) room: Option<Room>,
    /// Processes that this user may not look into.
    pub(super) unseen_processes: usize,
    /// Whether no other process can be there.
    pub(super) lists_all: bool,
}

/// What tells a row from all others: of memory without a name, more than what it is called.
type Key = (String, &'static str, [u64; 3]);

/// Remembers what was there at the first look, or when it appeared.
#[derive(Default)]
pub(super) struct Watch {
    before: HashMap<Key, u64>,
    has_looked: bool,
}

impl Watch {
    /// Looks at everything.
    pub(super) fn look(&mut self) -> Look {
        let mut look = look();
        for row in &mut look.rows {
            let Some(resident) = row.resident else {
                continue;
            };
            // What appeared since has grown from nothing.
            let first = if self.has_looked { 0 } else { resident };
            let before = *self.before.entry(row.key()).or_insert(first);
            let difference = i128::from(resident) - i128::from(before);
            row.growth = i64::try_from(difference).unwrap_or(i64::MAX);
        }
        self.has_looked = true;
        look
    }
}

fn room() -> Option<Room> {
    let system = statvfs("/dev/shm").ok()?;
    let unit = system.fragment_size();
    Some(Room {
        size: system.blocks() * unit,
        used: (system.blocks() - system.blocks_free()) * unit,
    })
}

/// What cannot be read is not there: `ls` and `doctor` say why.
fn look() -> Look {
    let mut rows = Vec::new();
    for namespace in sources::all_namespaces() {
        if let Some(contents) = namespace.contents {
            rows.extend(rows_of(contents, Some(&namespace.directory)));
        }
    }
    let machine = sources::kernel_snapshot(Extent::All);
    let machine = machine.or_else(|_| sources::user_snapshot(None, Extent::All));
    let (unseen_processes, lists_all) = machine
        .as_ref()
        .map_or((0, true), |it| (it.unseen_processes, it.lists_all));
    rows.extend(machine.ok().into_iter().flat_map(|it| rows_of(it, None)));
    Look {
        rows,
        room: room(),
        unseen_processes,
        lists_all,
    }
}

fn rows_of(snapshot: Snapshot, place: Option<&PathBuf>) -> Vec<Row> {
    let segments = snapshot.segments.into_iter();
    let mut rows: Vec<Row> = segments.map(|one| of_segment(one, place)).collect();
    let objects = snapshot.objects.into_iter();
    rows.extend(objects.map(|one| of_object(one, place)));
    rows.extend(snapshot.nameless.into_iter().map(of_nameless));
    rows
}

/// In front of names in a namespace, where it is.
fn placed(name: String, place: Option<&PathBuf>) -> String {
    match place {
        Some(directory) => format!("{}:{name}", shown(directory)),
        None => name,
    }
}

fn of_segment(segment: Segment, place: Option<&PathBuf>) -> Row {
    let name = match segment.key {
        0 => segment.id.to_string(),
        key => format!("{} ({})", segment.id, format::key(key)),
    };
    Row {
        directory: place.cloned(),
        name: placed(name, place),
        kind: match place {
            Some(_) => "segment",
            None => "kernel",
        },
        owner: format::user(segment.owner.uid),
        size: segment.size,
        resident: segment.resident,
        growth: 0,
        pids: pids(&segment.attached, Some(segment.unseen)),
        commands: commands(&segment.attached),
        is_orphan: segment.is_orphan(),
        thing: Thing::Segment(segment),
    }
}

fn of_object(object: Object, place: Option<&PathBuf>) -> Row {
    Row {
        directory: place.cloned(),
        name: placed(object.name.to_string(), place),
        kind: "object",
        owner: format::user(object.owner.uid),
        size: object.size,
        resident: Some(object.resident),
        growth: 0,
        pids: pids(&object.attached, object.unseen),
        commands: match (object.kind, object.attached.is_empty()) {
            (Some(kind), true) => format!("({kind})"),
            _ => commands(&object.attached),
        },
        is_orphan: object.is_orphan(),
        thing: Thing::Object(object),
    }
}

fn of_nameless(memory: Nameless) -> Row {
    Row {
        directory: None,
        name: memory.name.to_string(),
        kind: match memory.kind {
            NamelessKind::Unlinked => "unlinked",
            NamelessKind::Memfd => "memfd",
            NamelessKind::Anonymous => "anonymous",
            NamelessKind::Sysv => "sysv",
            NamelessKind::Elsewhere => "elsewhere",
        },
        owner: "-".to_owned(),
        size: memory.size,
        resident: memory.resident,
        growth: 0,
        pids: pids(&memory.attached, Some(memory.unseen())),
        commands: commands(&memory.attached),
        is_orphan: memory.is_orphan(),
        thing: Thing::Nameless(memory),
    }
}

fn pids(attached: &[Attachment], unseen: Option<u64>) -> String {
    format::pids(attached, unseen)
}

/// What they run, each once.
fn commands(attached: &[Attachment]) -> String {
    let mut names: Vec<String> = attached.iter().map(format::command).collect();
    names.sort();
    names.dedup();
    names.join(",")
}
