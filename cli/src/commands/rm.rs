//! `partage rm`: remove segments and objects.

use crate::changes;
use crate::confirm;
use crate::failure::{FAILED, Failure, Outcome};
use crate::model::{Object, Segment, Snapshot};
use crate::namespace::Choice;
use crate::output::{self, format};
use crate::target::{Found, Target};
use std::path::PathBuf;

/// Remove segments and POSIX objects
///
/// What somebody is attached to stays, unless `--force` is given: then a segment loses its key
/// at once and goes with its last detach, and an object loses its name; those who have the
/// memory keep it. Of bulk removals only what is yours is meant, and no POSIX object outside of
/// a named namespace: /dev/shm belongs to programs of all kinds.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["targets", "all", "orphans"]))]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// Everything of yours in the namespace
    #[arg(long)]
    all: bool,

    /// Every segment of yours that nobody is attached to
    #[arg(long)]
    orphans: bool,

    /// Even what somebody is attached to
    #[arg(short, long)]
    force: bool,

    /// Say what would go, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Ids, keys as 0x..., or names of POSIX objects
    #[arg(value_name = "ID|KEY|NAME")]
    targets: Vec<Target>,
}

const EXAMPLES: &str = "\
Examples:
  partage rm 32768 0x0052e2c1 /psm_4f2a
  partage rm --orphans --dry-run
  partage rm --all --force --yes --dir \"$PARTAGE_DIR\"

Exit status: 0 when all of it went, 1 when something stayed.";

/// Something to remove.
enum Item<'a> {
    Segment(&'a Segment),
    Object(&'a Object),
}

/// Removes what was named; goes on after a failure and reports each.
pub(crate) fn run(args: Args) -> Outcome {
    let snapshot = args.namespace.snapshot()?;
    let mut status = 0;
    let mut items = Vec::new();
    for target in &args.targets {
        match target.find(&snapshot) {
            Ok(Found::Segment(segment)) => items.push(Item::Segment(segment)),
            Ok(Found::Object(object)) => items.push(Item::Object(object)),
            Err(failure) => status = failure.report(),
        }
    }
    let bulk = args.all || args.orphans;
    if bulk {
        items = in_bulk(&snapshot, args.all);
    }
    // In bulk, what is in use is no failure: it was not meant.
    let (held, free): (Vec<Item>, Vec<Item>) = items
        .into_iter()
        .partition(|item| item.is_held() && !args.force);
    for item in &held {
        if bulk {
            output::print(&format!("in use, stays: {}\n", item.describe()))?;
        } else {
            status = in_use(item).report();
        }
    }
    if args.dry_run {
        for item in &free {
            output::print(&format!("would remove {}\n", item.describe()))?;
        }
        return Ok(status);
    }
    if bulk && !free.is_empty() && !args.yes && !confirm::ask(&question(&free))? {
        return Ok(FAILED);
    }
    for item in &free {
        match item.remove(&args.namespace) {
            Ok(()) => output::print(&format!("removed {}\n", item.describe()))?,
            Err(failure) => status = failure.report(),
        }
    }
    Ok(status)
}

/// Everything of this user's, or its segments that nobody is attached to.
fn in_bulk(snapshot: &Snapshot, all: bool) -> Vec<Item<'_>> {
    let me = nix::unistd::Uid::effective().as_raw();
    let segments = snapshot.segments.iter().filter(|segment| {
        (segment.owner.uid == me || segment.cuid == me) && (all || segment.is_orphan())
    });
    let objects = snapshot.objects.iter().filter(|object| {
        let within = |dir: &PathBuf| object.file.starts_with(dir);
        all && object.owner.uid == me && snapshot.directory.as_ref().is_some_and(within)
    });
    segments
        .map(Item::Segment)
        .chain(objects.map(Item::Object))
        .collect()
}

fn in_use(item: &Item) -> Failure {
    Failure::new(format_args!("{}: somebody is attached", item.describe()))
        .advise("`partage ls -p` shows who; `--force` removes it all the same")
}

fn question(items: &[Item]) -> String {
    let bytes = items.iter().map(Item::size).fold(0, u64::saturating_add);
    let things = format::count(items.len(), "thing");
    format!("remove {things} of {} together?", format::size(bytes))
}

impl Item<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.size,
            Self::Object(object) => object.size,
        }
    }

    fn is_held(&self) -> bool {
        match self {
            Self::Segment(segment) => segment.nattch > 0,
            Self::Object(object) => !object.attached.is_empty(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Segment(segment) => format!(
                "segment {} (key {}, {}, nattch {})",
                segment.id,
                format::key(segment.key),
                format::size(segment.size),
                segment.nattch
            ),
            Self::Object(object) => {
                format!(
                    "object {} ({})",
                    format::printable(&object.name),
                    format::size(object.size)
                )
            }
        }
    }

    fn remove(&self, namespace: &Choice) -> Result<(), Failure> {
        let removed = match self {
            Self::Segment(segment) => changes::remove_segment(namespace, segment.id),
            Self::Object(object) => std::fs::remove_file(&object.file),
        };
        removed.map_err(|why| Failure::io(format_args!("cannot remove {}", self.describe()), why))
    }
}
