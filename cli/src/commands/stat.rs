//! `partage stat`: everything about one segment or object.

use crate::failure::Outcome;
use crate::model::{Attachment, Object, Segment};
use crate::namespace::Choice;
use crate::output::{self, format};
use crate::target::{Found, Target};

/// Show everything about a segment or an object
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// For programs: JSON
    #[arg(long)]
    json: bool,

    /// An id, a key as 0x..., or the name of a POSIX object
    #[arg(value_name = "ID|KEY|NAME")]
    target: Target,
}

const EXAMPLES: &str = "\
Examples:
  partage stat 32768
  partage stat 0x0052e2c1
  partage stat /psm_4f2a --json";

/// Shows it.
pub(crate) fn run(args: Args) -> Outcome {
    let snapshot = args.namespace.snapshot()?;
    match args.target.find(&snapshot)? {
        Found::Segment(segment) if args.json => output::print_json(segment)?,
        Found::Object(object) if args.json => output::print_json(object)?,
        Found::Segment(segment) => output::print(&of_segment(segment))?,
        Found::Object(object) => output::print(&of_object(object))?,
    }
    Ok(0)
}

fn of_segment(segment: &Segment) -> String {
    let Segment {
        owner, cuid, cgid, ..
    } = segment;
    let resident = segment.resident.map_or_else(|| "unknown".to_owned(), exact);
    let file = segment.file.as_ref().map(|file| file.display().to_string());
    let rows = [
        ("segment", segment.id.to_string()),
        ("key", format::key(segment.key)),
        ("size", exact(segment.size)),
        ("resident", resident),
        ("mode", format::mode(segment.mode)),
        ("status", format::status(segment)),
        ("owner", person(owner.uid, owner.gid)),
        ("creator", person(*cuid, *cgid)),
        ("created by", process(segment.cpid)),
        ("last used by", process(segment.lpid)),
        ("changed", format::moment(segment.ctime)),
        ("attached", format::moment(segment.atime)),
        ("detached", format::moment(segment.dtime)),
        ("file", file.unwrap_or_else(|| "in the kernel".to_owned())),
        ("nattch", segment.nattch.to_string()),
    ];
    listed(&rows) + &attachments(&segment.attached)
}

fn of_object(object: &Object) -> String {
    let rows = [
        ("object", format::printable(&object.name)),
        ("size", exact(object.size)),
        ("resident", exact(object.resident)),
        ("mode", format::mode(object.mode)),
        ("owner", person(object.owner.uid, object.owner.gid)),
        ("written", format::moment(object.mtime)),
        (
            "file",
            format::printable(&object.file.display().to_string()),
        ),
        ("mapped", format::count(object.attached.len(), "time")),
    ];
    listed(&rows) + &attachments(&object.attached)
}

fn listed(rows: &[(&str, String)]) -> String {
    rows.iter()
        .map(|(name, value)| format!("{name:>12}  {value}\n"))
        .collect()
}

fn attachments(attached: &[Attachment]) -> String {
    let lines = attached.iter().map(|attachment| {
        let since = attachment
            .since
            .map(|since| format!("  since {}", format::moment(since)));
        format!(
            "{:>12}  {}  at {:#x}  {}{}\n",
            attachment.pid,
            format::printable(&attachment.command),
            attachment.address,
            format::access(attachment),
            since.unwrap_or_default()
        )
    });
    lines.collect()
}

fn exact(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        _ => format!("{bytes} bytes ({})", format::size(bytes)),
    }
}

fn person(uid: u32, gid: u32) -> String {
    format!(
        "{} ({uid}), group {} ({gid})",
        format::user(uid),
        format::group(gid)
    )
}

/// The pid, and what runs under it now: a dead one's number may be another's by now.
fn process(pid: i32) -> String {
    match (pid, crate::sources::command_of(pid)) {
        (0, _) => "nobody".to_owned(),
        (_, command) if command.is_empty() => format!("{pid} (gone)"),
        (_, command) => format!("{pid} ({})", format::printable(&command)),
    }
}
