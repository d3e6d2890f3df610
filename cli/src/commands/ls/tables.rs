//! The tables of `partage ls`.

use crate::model::{Attachment, Object, Segment, Snapshot};
use crate::output::format;
use crate::output::table::{Align, Table};
use std::collections::BTreeMap;

/// How many pids the short table shows of one segment.
const PIDS: usize = 6;

const NONE: &str = "-";

/// One line per segment and object.
pub(super) fn short(snapshot: &Snapshot, bytes: bool) -> String {
    both(SHORT, snapshot, bytes)
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
    ("AGE", Align::Right, |segment, style| {
        format::age(segment.ctime, style.now)
    }),
    ("PIDS", Align::Left, |segment, _| pids(&segment.attached)),
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
    ("NAME", Align::Left, |object, _| {
        format::printable(&object.name)
    }),
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
    ("AGE", Align::Right, |object, style| {
        format::age(object.mtime, style.now)
    }),
    ("PIDS", Align::Left, |object, _| pids(&object.attached)),
];

fn table<T>(columns: &[Column<T>], things: &[T], style: &Style) -> String {
    let headings = columns.iter().map(|&(heading, align, _)| (heading, align));
    let mut table = Table::new(headings.collect());
    for thing in things {
        let cells = columns.iter().map(|(_, _, cell)| cell(thing, style));
        table.push(cells.collect());
    }
    table.render()
}

/// Segments with these columns, then objects, where there are any; headings where there is nothing.
fn both(columns: &[Column<Segment>], snapshot: &Snapshot, bytes: bool) -> String {
    let style = Style {
        bytes,
        now: format::now(),
    };
    let mut text = String::new();
    if !snapshot.segments.is_empty() || snapshot.objects.is_empty() {
        text += &table(columns, &snapshot.segments, &style);
    }
    if !snapshot.objects.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &table(OBJECTS, &snapshot.objects, &style);
    }
    text
}

/// One line per attachment.
pub(super) fn attachments(snapshot: &Snapshot) -> String {
    let mut table = Table::new(vec![
        ("WHAT", Align::Left),
        ("PID", Align::Right),
        ("COMMAND", Align::Left),
        ("ADDRESS", Align::Right),
        ("ACCESS", Align::Left),
        ("SINCE", Align::Left),
    ]);
    for (what, attachment) in all_attachments(snapshot) {
        table.push(vec![
            what,
            attachment.pid.to_string(),
            format::printable(&attachment.command),
            format!("{:#x}", attachment.address),
            format::access(attachment),
            attachment
                .since
                .map_or_else(|| NONE.to_owned(), format::moment),
        ]);
    }
    table.render()
}

/// Processes, and under each what it is attached to.
pub(super) fn tree(snapshot: &Snapshot, bytes: bool) -> String {
    let mut processes: BTreeMap<(i32, &str), Vec<String>> = BTreeMap::new();
    for segment in &snapshot.segments {
        for attachment in &segment.attached {
            let line = format!(
                "{}  {}",
                name_of(segment),
                details(attachment, segment.size, bytes)
            );
            processes
                .entry((attachment.pid, &attachment.command))
                .or_default()
                .push(line);
        }
    }
    for object in &snapshot.objects {
        for attachment in &object.attached {
            let name = format::printable(&object.name);
            let line = format!("{name}  {}", details(attachment, object.size, bytes));
            processes
                .entry((attachment.pid, &attachment.command))
                .or_default()
                .push(line);
        }
    }
    let mut text = String::new();
    for ((pid, command), lines) in processes {
        text += &format!("{pid} {}\n", format::printable(command));
        let last = lines.len().saturating_sub(1);
        for (number, line) in lines.iter().enumerate() {
            text += &format!("{} {line}\n", if number == last { "└─" } else { "├─" });
        }
    }
    text
}

fn details(attachment: &Attachment, bytes: u64, exact: bool) -> String {
    format!(
        "{}  at {:#x}  {}",
        size(bytes, exact),
        attachment.address,
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
            .map(move |attachment| (format::printable(&object.name), attachment))
    });
    segments.chain(objects)
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
        format::size(bytes)
    }
}

/// Each process once, the first few of them.
fn pids(attached: &[Attachment]) -> String {
    let mut pids: Vec<i32> = attached.iter().map(|attachment| attachment.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let shown: Vec<String> = pids.iter().take(PIDS).map(ToString::to_string).collect();
    match pids.len() {
        0 => NONE.to_owned(),
        count if count > PIDS => format!("{},+{}", shown.join(","), count - PIDS),
        _ => shown.join(","),
    }
}
