//! What there is, one row for each thing, and how it has grown.

use crate::model::{Attachment, NamelessKind, Segment};
use crate::name::escaped;
use crate::output::format;
use crate::sources::{self, Extent};
use nix::sys::statvfs::statvfs;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// One thing.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) owner: String,
    pub(super) size: u64,
    pub(super) resident: u64,
    /// Since the first look, in bytes of memory in use.
    pub(super) growth: i64,
    pub(super) pids: String,
    pub(super) commands: String,
    pub(super) is_orphan: bool,
}

/// Room in `/dev/shm`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) size: u64,
    pub(super) used: u64,
}

/// Remembers what was there at the first look, or when it appeared.
#[derive(Default)]
pub(super) struct Watch {
    before: HashMap<(String, &'static str), u64>,
    has_looked: bool,
}

impl Watch {
    /// Looks at everything.
    pub(super) fn look(&mut self) -> (Vec<Row>, Option<Room>) {
        let mut rows = rows();
        for row in &mut rows {
            let key = (row.name.clone(), row.kind);
            // What appeared since has grown from nothing.
            let first = if self.has_looked { 0 } else { row.resident };
            let before = *self.before.entry(key).or_insert(first);
            let difference = i128::from(row.resident) - i128::from(before);
            row.growth = i64::try_from(difference).unwrap_or(i64::MAX);
        }
        self.has_looked = true;
        (rows, room())
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
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for namespace in sources::all_namespaces() {
        let contents = namespace.contents.into_iter();
        for snapshot in contents {
            let place = Some(&namespace.directory);
            rows.extend(snapshot.segments.iter().map(|one| segment(one, place)));
            rows.extend(snapshot.objects.iter().map(|object| Row {
                name: format!("{}:{}", shown(&namespace.directory), object.name),
                ..of_object(object)
            }));
        }
    }
    let machine = sources::kernel_snapshot(Extent::All);
    let machine = machine.or_else(|_| sources::user_snapshot(None, Extent::All));
    if let Ok(snapshot) = machine {
        rows.extend(snapshot.segments.iter().map(|one| segment(one, None)));
        rows.extend(snapshot.objects.iter().map(of_object));
        rows.extend(snapshot.nameless.iter().map(|memory| Row {
            name: memory.name.to_string(),
            kind: match memory.kind {
                NamelessKind::Unlinked => "unlinked",
                NamelessKind::Memfd => "memfd",
                NamelessKind::Anonymous => "anonymous",
                NamelessKind::Sysv => "sysv",
            },
            owner: "-".to_owned(),
            size: memory.size,
            resident: memory.resident.unwrap_or(memory.size),
            growth: 0,
            pids: pids(&memory.attached, Some(0)),
            commands: commands(&memory.attached),
            is_orphan: false,
        }));
    }
    rows
}

fn shown(directory: &std::path::Path) -> String {
    escaped(directory.as_os_str().as_bytes())
}

fn segment(segment: &Segment, place: Option<&PathBuf>) -> Row {
    let name = match segment.key {
        0 => segment.id.to_string(),
        key => format!("{} ({})", segment.id, format::key(key)),
    };
    Row {
        name: match place {
            Some(directory) => format!("{}:{name}", shown(directory)),
            None => name,
        },
        kind: match place {
            Some(_) => "segment",
            None => "kernel",
        },
        owner: format::user(segment.owner.uid),
        size: segment.size,
        resident: segment.resident.unwrap_or(0),
        growth: 0,
        pids: pids(&segment.attached, Some(segment.unseen)),
        commands: commands(&segment.attached),
        is_orphan: segment.is_orphan(),
    }
}

fn of_object(object: &crate::model::Object) -> Row {
    Row {
        name: object.name.to_string(),
        kind: "object",
        owner: format::user(object.owner.uid),
        size: object.size,
        resident: object.resident,
        growth: 0,
        pids: pids(&object.attached, object.unseen),
        commands: match (object.kind, object.attached.is_empty()) {
            (Some(kind), true) => format!("({kind})"),
            _ => commands(&object.attached),
        },
        is_orphan: object.is_orphan(),
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
