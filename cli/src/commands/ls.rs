//! `partage ls`: what a namespace holds, and who is attached.

mod select;
mod tables;
mod watch;

use crate::failure::{Failure, Outcome};
use crate::model::Snapshot;
use crate::namespace::Choice;
use crate::output;
use select::Selection;

/// List segments and POSIX objects, and who is attached
///
/// Looks without taking part: no member of the namespace is disturbed, nothing is changed, and
/// a process that died is not counted even if nobody has cleaned up after it yet.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// Show creator, last process, group and times as well
    #[arg(short, long)]
    long: bool,

    /// One line per attachment: process, command, address, since when, read-only or not
    #[arg(short = 'p', long, conflicts_with = "long")]
    attached: bool,

    /// By process: under each, what it is attached to
    #[arg(long, conflicts_with_all = ["long", "attached"])]
    tree: bool,

    /// Exact numbers of bytes
    #[arg(short, long)]
    bytes: bool,

    #[command(flatten)]
    selection: Selection,

    /// For programs: everything, as JSON
    #[arg(long, conflicts_with_all = ["long", "attached", "tree"])]
    json: bool,

    /// The table of `ipcs -m`, byte for byte
    #[arg(long, conflicts_with_all = ["long", "attached", "tree", "json"])]
    ipcs: bool,

    /// Show it anew every so many seconds, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "json")]
    watch: Option<u32>,
}

const EXAMPLES: &str = "\
Examples:
  partage ls                         the namespace of this user
  partage ls -l --sort size          with all there is to know, the largest last
  partage ls -p --pid 4711           what process 4711 is attached to
  partage ls --orphans               segments that nobody is attached to
  partage ls --json | jq '.segments[].id'
  partage ls --backend kernel        the kernel's segments, in the same form";

/// Shows the namespace once, or until interrupted.
pub(crate) fn run(args: Args) -> Outcome {
    match args.watch {
        None => show(&args)?,
        Some(seconds) => watch::every(seconds, || text(&args))?,
    }
    Ok(0)
}

fn show(args: &Args) -> Result<(), Failure> {
    if args.json {
        return output::print_json(&snapshot(args)?);
    }
    output::print(&text(args)?)
}

fn snapshot(args: &Args) -> Result<Snapshot, Failure> {
    let mut snapshot = args.namespace.snapshot()?;
    args.selection.apply(&mut snapshot)?;
    Ok(snapshot)
}

fn text(args: &Args) -> Result<String, Failure> {
    let snapshot = snapshot(args)?;
    Ok(if args.ipcs {
        output::ipcs::table(&snapshot.segments)
    } else if args.tree {
        tables::tree(&snapshot, args.bytes)
    } else if args.attached {
        tables::attachments(&snapshot)
    } else if args.long {
        tables::long(&snapshot, args.bytes)
    } else {
        tables::short(&snapshot, args.bytes)
    })
}
