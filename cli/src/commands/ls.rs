//! `partage ls`: what a namespace holds, and who is attached.

mod everyone;
mod select;
mod tables;
mod watch;

use crate::failure::{Failure, Outcome};
use crate::model::Snapshot;
use crate::namespace::Choice;
use crate::output;
use crate::sources::{self, Extent};
use select::Selection;

/// List segments and POSIX objects, and who is attached
///
/// Looks without taking part: no member of the namespace is disturbed, nothing is changed, and
/// a process that died is not counted even if nobody has cleaned up after it yet.
///
/// Ages are those since a segment was made or changed by shmctl(2) (CHANGED), since its last attach
/// or detach (USED), and since an object's contents or size changed (WRITTEN). Sizes are in powers
/// of 1024; PIDS are those who have it mapped or open, and `?` those who cannot be seen.
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

    /// Also memfds, shared anonymous memory, unlinked files and segments of other IPC namespaces,
    /// wherever a process holds them
    #[arg(long)]
    all_memory: bool,

    /// All namespaces of the machine, and what is in those that are open to you (all of them to root)
    #[arg(long, conflicts_with_all = ["long", "attached", "tree", "ipcs", "all_memory", "dir", "user"])]
    all_users: bool,

    /// Exact numbers of bytes
    #[arg(short, long)]
    bytes: bool,

    #[command(flatten)]
    selection: Selection,

    /// For programs: everything, as JSON, with all that -l, -p and --tree show
    #[arg(long)]
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
  partage ls --orphans               what nobody has mapped, open or locked
  partage ls --all-memory --sort size  all shared memory on the machine
  sudo partage ls --all-users        every user's namespaces
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
    if args.json && args.all_users {
        return output::print_json(&sources::all_namespaces());
    }
    if args.json {
        return output::print_json(&snapshot(args)?.0);
    }
    let (text, notes) = text(args)?;
    output::print(&text)?;
    output::notes::print(&notes);
    Ok(())
}

/// What was asked for, and what the rows cannot say.
fn snapshot(args: &Args) -> Result<(Snapshot, Vec<String>), Failure> {
    let extent = match args.all_memory {
        true => Extent::All,
        false => Extent::Namespace,
    };
    let mut snapshot = args.namespace.snapshot_with(extent)?;
    let notes = args.selection.apply(&mut snapshot)?;
    Ok((snapshot, notes))
}

fn text(args: &Args) -> Result<(String, Vec<String>), Failure> {
    if args.all_users {
        return everyone::text(sources::all_namespaces(), &args.selection, args.bytes);
    }
    let (snapshot, mut notes) = snapshot(args)?;
    if args.all_memory {
        notes.extend(output::notes::of_nameless(&snapshot));
    }
    if args.namespace.is_default() && snapshot.segments.is_empty() {
        notes.extend(output::notes::of_others(&sources::others()));
        // With all memory, they are shown.
        let is_wanted = !args.selection.is_of_objects() && !args.all_memory;
        let kernel = sources::kernel_table().filter(|_| is_wanted);
        notes.extend(output::notes::of_the_kernel(
            kernel.unwrap_or_default().len(),
        ));
    }
    let text = if args.ipcs {
        output::ipcs::table(&snapshot.segments)
    } else if args.tree {
        tables::tree(&snapshot, args.bytes)
    } else if args.attached {
        tables::attachments(&snapshot)
    } else if args.selection.is_of_objects() && snapshot.is_empty() {
        tables::no_objects()
    } else if args.long {
        tables::long(&snapshot, args.bytes)
    } else {
        tables::short(&snapshot, args.bytes)
    };
    Ok((text, notes))
}
