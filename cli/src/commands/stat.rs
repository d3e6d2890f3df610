//! `partage stat`: everything about one segment or object.

use crate::failure::Outcome;
use crate::model::{Attachment, Nameless, Object, Process, Segment};
use crate::name::shown;
use crate::namespace::Choice;
use crate::output::{self, format};
use crate::target::{Found, Target};

/// Show everything about a segment or an object
///
/// An object that was unlinked is shown as long as somebody holds its memory.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// For programs: JSON
    #[arg(long)]
    json: bool,

    /// An id, a key as 0x..., or the name of a POSIX object
    #[arg(value_name = "ID|KEY|NAME", value_hint = clap::ValueHint::Other)]
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
    let found = args.target.find(&snapshot);
    let unlinked = args.target.unlinked(&snapshot);
    if found.is_err() && !unlinked.is_empty() {
        return show_unlinked(&unlinked, args.json);
    }
    match found? {
        Found::Segment(segment) if args.json => output::print_json(segment)?,
        Found::Object(object) if args.json => output::print_json(object)?,
        Found::Segment(segment) => output::print(&of_segment(segment))?,
        Found::Object(object) => output::print(&of_object(object))?,
    }
    Ok(0)
}

/// There may be several: a name can be taken again.
fn show_unlinked(memory: &[&Nameless], json: bool) -> Outcome {
    for (number, one) in memory.iter().enumerate() {
        match json {
            true => output::print_json(one)?,
            false if number > 0 => output::print(&format!("\n{}", of_unlinked(one)))?,
            false => output::print(&of_unlinked(one))?,
        }
    }
    Ok(0)
}

fn of_unlinked(memory: &Nameless) -> String {
    let (mapped, open) = uses(&memory.attached);
    let rows = [
        ("object", memory.name.to_string()),
        (
            "status",
            "unlinked: it goes with its last holder".to_owned(),
        ),
        ("size", exact(memory.size)),
        ("resident", memory.resident.map_or_else(unknown, exact)),
        ("mapped", mapped),
        ("open", open),
    ];
    listed(&rows) + &attachments(&memory.attached)
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// How often it is mapped, and how often only open.
fn uses(attached: &[Attachment]) -> (String, String) {
    let mapped = attached.iter().filter(|hold| hold.mappings > 0).count();
    let open = attached.len() - mapped;
    (format::count(mapped, "time"), format::count(open, "time"))
}

fn of_segment(segment: &Segment) -> String {
    let Segment {
        owner, cuid, cgid, ..
    } = segment;
    let resident = segment.resident.map_or_else(unknown, exact);
    let file = segment.file.as_ref().map(|file| shown(file));
    let rows = [
        ("segment", segment.id.to_string()),
        ("key", format::key(segment.key)),
        ("size", exact(segment.size)),
        ("resident", resident),
        ("mode", format::mode(segment.mode)),
        ("status", format::status(segment)),
        ("owner", person(owner.uid, owner.gid)),
        ("creator", person(*cuid, *cgid)),
        (
            "created by",
            process(segment.cpid, segment.creator.as_ref()),
        ),
        (
            "last used by",
            process(segment.lpid, segment.last_user.as_ref()),
        ),
        ("changed", format::moment(segment.ctime)),
        ("attached", format::moment(segment.atime)),
        ("detached", format::moment(segment.dtime)),
        ("file", file.unwrap_or_else(|| "in the kernel".to_owned())),
        ("nattch", segment.nattch.to_string()),
    ];
    listed(&rows) + &attachments(&segment.attached) + &unseen(Some(segment.unseen))
}

fn of_object(object: &Object) -> String {
    let (mapped, open) = uses(&object.attached);
    let rows = [
        ("object", object.name.to_string()),
        ("size", exact(object.size)),
        ("resident", exact(object.resident)),
        ("mode", format::mode(object.mode)),
        ("owner", person(object.owner.uid, object.owner.gid)),
        ("written", format::moment(object.mtime)),
        ("file", shown(&object.file)),
        ("made by", object.kind.unwrap_or("-").to_owned()),
        ("mapped", mapped),
        ("open", open),
    ];
    listed(&rows) + &attachments(&object.attached) + &unseen(object.unseen)
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
        let place = match attachment.mappings {
            0 => String::new(),
            _ => format!("  at {}", format::place(attachment)),
        };
        format!(
            "{:>12}  {}{}{place}  {}{}\n",
            format::pid(attachment),
            format::command(attachment),
            elsewhere(attachment),
            format::access(attachment),
            since.unwrap_or_default()
        )
    });
    lines.collect()
}

/// The number that it has in its own pid namespace, its container, and its namespaces.
fn elsewhere(attachment: &Attachment) -> String {
    let pid = attachment.inner_pid.map(|pid| format!("pid {pid} there"));
    let container = attachment.container.as_ref();
    let container = container.map(|name| format!("container {}", format::printable(name)));
    let namespaces = format::namespaces(attachment);
    let parts: Vec<String> = pid.into_iter().chain(container).chain(namespaces).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join(", ")),
    }
}

/// Holders that are there and cannot be seen.
fn unseen(number: Option<u64>) -> String {
    let told = match number {
        Some(0) => return String::new(),
        Some(number) => format::count(number as usize, "holder") + " cannot be seen",
        None => "whether somebody holds it cannot be seen".to_owned(),
    };
    format!("{:>12}  {told}{}\n", "?", crate::output::notes::who_could())
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

/// The pid, and the process if it is still the one that is meant: another may have its number.
fn process(number: i32, found: Option<&Process>) -> String {
    match found {
        None if number == 0 => "nobody".to_owned(),
        None => format!("{number} (gone, or not to be seen)"),
        Some(process) if process.pid == number => {
            format!("{number} ({})", format::printable(&process.command))
        }
        Some(Process { pid, command }) => {
            format!("{pid} ({}), pid {number} there", format::printable(command))
        }
    }
}
