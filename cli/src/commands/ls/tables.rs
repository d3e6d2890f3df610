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
    let mut text = String::new();
    if !snapshot.segments.is_empty() || snapshot.objects.is_empty() {
        text += &short_segments(&snapshot.segments, bytes);
    }
    if !snapshot.objects.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &short_objects(&snapshot.objects, bytes);
    }
    text
}

fn short_segments(segments: &[Segment], bytes: bool) -> String {
    let mut table = Table::new(vec![
        ("KEY", Align::Left),
        ("ID", Align::Right),
        ("OWNER", Align::Left),
        ("MODE", Align::Right),
        ("SIZE", Align::Right),
        ("RES", Align::Right),
        ("NATTCH", Align::Right),
        ("STATUS", Align::Left),
        ("AGE", Align::Right),
        ("PIDS", Align::Left),
    ]);
    let now = format::now();
    for segment in segments {
        table.push(vec![
            format::key(segment.key),
            segment.id.to_string(),
            format::user(segment.owner.uid),
            format::mode(segment.mode),
            size(segment.size, bytes),
            segment
                .resident
                .map_or_else(|| NONE.to_owned(), |resident| size(resident, bytes)),
            segment.nattch.to_string(),
            format::status(segment),
            format::age(segment.ctime, now),
            pids(&segment.attached),
        ]);
    }
    table.render()
}

fn short_objects(objects: &[Object], bytes: bool) -> String {
    let mut table = Table::new(vec![
        ("NAME", Align::Left),
        ("OWNER", Align::Left),
        ("MODE", Align::Right),
        ("SIZE", Align::Right),
        ("RES", Align::Right),
        ("AGE", Align::Right),
        ("PIDS", Align::Left),
    ]);
    let now = format::now();
    for object in objects {
        table.push(vec![
            format::printable(&object.name),
            format::user(object.owner.uid),
            format::mode(object.mode),
            size(object.size, bytes),
            size(object.resident, bytes),
            format::age(object.mtime, now),
            pids(&object.attached),
        ]);
    }
    table.render()
}

/// Segments with everything, then objects.
pub(super) fn long(snapshot: &Snapshot, bytes: bool) -> String {
    let mut table = Table::new(vec![
        ("KEY", Align::Left),
        ("ID", Align::Right),
        ("OWNER", Align::Left),
        ("GROUP", Align::Left),
        ("CREATOR", Align::Left),
        ("MODE", Align::Right),
        ("SIZE", Align::Right),
        ("RES", Align::Right),
        ("NATTCH", Align::Right),
        ("STATUS", Align::Left),
        ("CPID", Align::Right),
        ("LPID", Align::Right),
        ("CHANGED", Align::Left),
        ("ATTACHED", Align::Left),
        ("DETACHED", Align::Left),
    ]);
    for segment in &snapshot.segments {
        table.push(vec![
            format::key(segment.key),
            segment.id.to_string(),
            format::user(segment.owner.uid),
            format::group(segment.owner.gid),
            format::user(segment.cuid),
            format::mode(segment.mode),
            size(segment.size, bytes),
            segment
                .resident
                .map_or_else(|| NONE.to_owned(), |resident| size(resident, bytes)),
            segment.nattch.to_string(),
            format::status(segment),
            segment.cpid.to_string(),
            segment.lpid.to_string(),
            format::moment(segment.ctime),
            format::moment(segment.atime),
            format::moment(segment.dtime),
        ]);
    }
    let mut text = String::new();
    if !snapshot.segments.is_empty() || snapshot.objects.is_empty() {
        text += &table.render();
    }
    if !snapshot.objects.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &short_objects(&snapshot.objects, bytes);
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
