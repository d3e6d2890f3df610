//! The tables of `partage ls`.

use crate::model::{Attachment, Nameless, NamelessKind, Object, Segment, Snapshot};
use crate::output::format;
use crate::output::table::{Align, Table};
use std::collections::BTreeMap;

const NONE: &str = "-";

/// One line per segment and object.
pub(super) fn short(snapshot: &Snapshot, bytes: bool) -> String {
    both(SHORT, snapshot, bytes)
}

/// Headings where objects were asked for and there are none.
pub(super) fn no_objects() -> String {
    table(
        OBJECTS,
        &[],
        &Style {
            bytes: false,
            now: 0,
        },
    )
}

/// The same, with everything that there is to say of a segment.
pub(super) fn long(snapshot: &Snapshot, bytes: bool) -> String {
    both(LONG, snapshot, bytes)
}

/// How sizes and times are to be shown.
struct Style {
    /// Sizes as they are, and not rounded to a unit.
    bytes: bool,
    now: i64,
}

/// A column of a table: its heading, where its text goes, and what it says of a thing.
type Column<T> = (&'static str, Align, fn(&T, &Style) -> String);

const KEY: Column<Segment> = ("KEY", Align::Left, |segment, _| format::key(segment.key));
const ID: Column<Segment> = ("ID", Align::Right, |segment, _| segment.id.to_string());
const OWNER: Column<Segment> = ("OWNER", Align::Left, |segment, _| {
    format::user(segment.owner.uid)
});
const MODE: Column<Segment> = ("MODE", Align::Right, |segment, _| {
    format::mode(segment.mode)
});
const SIZE: Column<Segment> = ("SIZE", Align::Right, |segment, style| {
    size(segment.size, style.bytes)
});
const RES: Column<Segment> = ("RES", Align::Right, |segment, style| {
    segment
        .resident
        .map_or_else(|| NONE.to_owned(), |resident| size(resident, style.bytes))
});
const NATTCH: Column<Segment> = ("NATTCH", Align::Right, |segment, _| {
    segment.nattch.to_string()
});
const STATUS: Column<Segment> = ("STATUS", Align::Left, |segment, _| format::status(segment));

const SHORT: &[Column<Segment>] = &[
    KEY,
    ID,
    OWNER,
    MODE,
    SIZE,
    RES,
    NATTCH,
    STATUS,
    ("CHANGED", Align::Right, |segment, style| {
        format::age(segment.ctime, style.now)
    }),
    ("USED", Align::Right, |segment, style| {
        match segment.atime.max(segment.dtime) {
            0 => NONE.to_owned(),
            time => format::age(time, style.now),
        }
    }),
    ("PIDS", Align::Left, |segment, _| {
        format::pids(&segment.attached, Some(segment.unseen))
    }),
];

const LONG: &[Column<Segment>] = &[
    KEY,
    ID,
    OWNER,
    ("GROUP", Align::Left, |segment, _| {
        format::group(segment.owner.gid)
    }),
    ("CREATOR", Align::Left, |segment, _| {
        format::user(segment.cuid)
    }),
    MODE,
    SIZE,
    RES,
    NATTCH,
    STATUS,
    ("CPID", Align::Right, |segment, _| segment.cpid.to_string()),
    ("LPID", Align::Right, |segment, _| segment.lpid.to_string()),
    ("CHANGED", Align::Left, |segment, _| {
        format::moment(segment.ctime)
    }),
    ("ATTACHED", Align::Left, |segment, _| {
        format::moment(segment.atime)
    }),
    ("DETACHED", Align::Left, |segment, _| {
        format::moment(segment.dtime)
    }),
];

const OBJECTS: &[Column<Object>] = &[
    ("NAME", Align::Left, |object, _| object.name.to_string()),
    ("OWNER", Align::Left, |object, _| {
        format::user(object.owner.uid)
    }),
    ("MODE", Align::Right, |object, _| format::mode(object.mode)),
    ("SIZE", Align::Right, |object, style| {
        size(object.size, style.bytes)
    }),
    ("RES", Align::Right, |object, style| {
        size(object.resident, style.bytes)
    }),
    ("WRITTEN", Align::Right, |object, style| {
        format::age(object.mtime, style.now)
    }),
    ("PIDS", Align::Left, |object, _| {
        format::pids(&object.attached, object.unseen)
    }),
];

/// Of memory without a name.
const NAMELESS: &[Column<Nameless>] = &[
    ("NAMELESS", Align::Left, |memory, _| memory.name.to_string()),
    ("KIND", Align::Left, |memory, _| {
        kind(memory.kind).to_owned()
    }),
    ("SIZE", Align::Right, |memory, style| {
        size(memory.size, style.bytes)
    }),
    ("RES", Align::Right, |memory, style| {
        memory
            .resident
            .map_or_else(|| "?".to_owned(), |resident| size(resident, style.bytes))
    }),
    ("PIDS", Align::Left, |memory, _| {
        format::pids(&memory.attached, Some(memory.unseen()))
    }),
];

/// Of segments of other IPC namespaces, behind the others.
const APART: &[Column<Nameless>] = &[
    ("ID", Align::Right, |memory, _| {
        let id = memory.segment.as_ref().map(|segment| segment.shmid);
        id.map_or_else(|| NONE.to_owned(), |id| id.to_string())
    }),
    ("NAMESPACE", Align::Left, |memory, _| {
        let ipc = memory.segment.as_ref().map(|segment| segment.ipc);
        ipc.map_or_else(|| NONE.to_owned(), |ipc| format!("ipc:{ipc}"))
    }),
    ("CONTAINER", Align::Left, |memory, _| {
        let segment = memory.segment.as_ref();
        let container = segment.and_then(|segment| segment.container.as_deref());
        container.map_or_else(|| NONE.to_owned(), format::printable)
    }),
];

fn kind(kind: NamelessKind) -> &'static str {
    match kind {
        NamelessKind::Unlinked => "unlinked",
        NamelessKind::Memfd => "memfd",
        NamelessKind::Anonymous => "anonymous",
        NamelessKind::Sysv => "sysv",
        NamelessKind::Elsewhere => "elsewhere",
    }
}

fn table<T>(columns: &[Column<T>], things: &[T], style: &Style) -> String {
    let headings = columns.iter().map(|&(heading, align, _)| (heading, align));
    let mut table = Table::new(headings.collect());
    for thing in things {
        let cells = columns.iter().map(|(_, _, cell)| cell(thing, style));
        table.push(cells.collect());
    }
    table.render()
}

/// Segments with these columns, then objects and what has no name, where there is any; headings
/// where there is nothing.
fn both(columns: &[Column<Segment>], snapshot: &Snapshot, bytes: bool) -> String {
    let style = Style {
        bytes,
        now: format::now(),
    };
    let Snapshot {
        segments,
        objects,
        nameless,
        ..
    } = snapshot;
    let mut tables = Vec::new();
    if !segments.is_empty() || (objects.is_empty() && nameless.is_empty()) {
        tables.push(table(columns, segments, &style));
    }
    if !objects.is_empty() {
        tables.push(table(OBJECTS, objects, &style));
    }
    if !nameless.is_empty() {
        let apart = nameless.iter().any(|memory| memory.segment.is_some());
        let columns = match apart {
            true => [NAMELESS, APART].concat(),
            false => NAMELESS.to_vec(),
        };
        tables.push(table(&columns, nameless, &style));
    }
    tables.join("\n")
}

/// One line per attachment. Where processes of other pid namespaces are among them, how those
/// number themselves, and where they are.
pub(super) fn attachments(snapshot: &Snapshot) -> String {
    let all: Vec<(String, &Attachment)> = all_attachments(snapshot).collect();
    let any = |is: fn(&Attachment) -> bool| all.iter().any(|(_, attachment)| is(attachment));
    let inner = any(|attachment| attachment.inner_pid.is_some());
    let contained = any(|attachment| attachment.container.is_some());
    let apart = any(|attachment| !attachment.namespaces.is_empty());
    let mut headings = vec![
        ("WHAT", Align::Left),
        ("PID", Align::Right),
        ("COMMAND", Align::Left),
        ("ADDRESS", Align::Right),
        ("ACCESS", Align::Left),
        ("SINCE", Align::Left),
    ];
    headings.extend(inner.then_some(("INNER", Align::Right)));
    headings.extend(contained.then_some(("CONTAINER", Align::Left)));
    headings.extend(apart.then_some(("NAMESPACES", Align::Left)));
    let mut table = Table::new(headings);
    for (what, attachment) in all {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        let mut row = vec![
            what,
            format::pid(attachment),
            format::command(attachment),
            format::place(attachment),
            format::access(attachment),
            or_none(attachment.since.map(format::moment)),
        ];
        row.extend(inner.then(|| or_none(attachment.inner_pid.map(|pid| pid.to_string()))));
        let container = attachment.container.as_deref().map(format::printable);
        row.extend(contained.then(|| or_none(container)));
        row.extend(apart.then(|| or_none(format::namespaces(attachment))));
        table.push(row);
    }
    table.render()
}

/// Processes, and under each what it is attached to.
pub(super) fn tree(snapshot: &Snapshot, bytes: bool) -> String {
    let mut processes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut add = |attachment: &Attachment, name: String, length: u64| {
        let line = format!("{name}  {}", details(attachment, length, bytes));
        let pid = format!("{:>10}", format::pid(attachment));
        let process = (pid, format::command(attachment));
        processes.entry(process).or_default().push(line);
    };
    for segment in &snapshot.segments {
        let attached = segment.attached.iter();
        attached.for_each(|hold| add(hold, name_of(segment), segment.size));
    }
    for object in &snapshot.objects {
        let attached = object.attached.iter();
        attached.for_each(|hold| add(hold, object.name.to_string(), object.size));
    }
    for memory in &snapshot.nameless {
        let attached = memory.attached.iter();
        attached.for_each(|hold| add(hold, name_of_nameless(memory), memory.size));
    }
    let mut text = String::new();
    for ((pid, command), lines) in processes {
        text += &format!("{} {command}\n", pid.trim_start());
        let last = lines.len().saturating_sub(1);
        for (number, line) in lines.iter().enumerate() {
            text += &format!("{} {line}\n", if number == last { "└─" } else { "├─" });
        }
    }
    text
}

fn details(attachment: &Attachment, bytes: u64, exact: bool) -> String {
    format!(
        "{}  {}{}",
        size(bytes, exact),
        match attachment.mappings {
            0 => String::new(),
            _ => format!("at {}  ", format::place(attachment)),
        },
        format::access(attachment)
    )
}

fn all_attachments(snapshot: &Snapshot) -> impl Iterator<Item = (String, &Attachment)> {
    let segments = snapshot.segments.iter().flat_map(|segment| {
        segment
            .attached
            .iter()
            .map(move |attachment| (name_of(segment), attachment))
    });
    let objects = snapshot.objects.iter().flat_map(|object| {
        object
            .attached
            .iter()
            .map(move |attachment| (object.name.to_string(), attachment))
    });
    let nameless = snapshot.nameless.iter().flat_map(|memory| {
        let attached = memory.attached.iter();
        attached.map(move |attachment| (name_of_nameless(memory), attachment))
    });
    segments.chain(objects).chain(nameless)
}

fn name_of_nameless(memory: &Nameless) -> String {
    format!("{} ({})", memory.name, kind(memory.kind))
}

/// The id, and the key where there is one.
fn name_of(segment: &Segment) -> String {
    match segment.key {
        0 => segment.id.to_string(),
        key => format!("{} ({})", segment.id, format::key(key)),
    }
}

fn size(bytes: u64, exact: bool) -> String {
    if exact {
        bytes.to_string()
    } else {
        format::size_in_table(bytes)
    }
}
