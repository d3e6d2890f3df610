//! `partage gc`: what the dead left behind, cleared away.

mod remains;
mod report;
mod unused;

use crate::changes;
use crate::failure::{Failure, Outcome, USAGE};
use crate::launch;
use crate::namespace::{Backend, Choice};
use crate::sources::{self, Location};
use remains::Remains;
use report::Report;
use std::fs;

/// Clear away what dead processes left behind
///
/// Takes dead members' attachments off, removes segments that only waited for them, files that
/// were half-made or half-removed, and the namespaces of `run --private` and recordings of `trace`
/// whose run was killed together with everybody who would have cleaned up. With --dir, what is outside that directory
/// is left alone. The bookkeeping of a namespace that nobody uses and that holds nothing is given
/// back. Segments that nobody is attached to stay, as in the kernel: see
/// `partage rm --orphans` for them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// Say what would go, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// For programs: what went and what stays, as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  partage gc
  partage gc --dry-run
  partage gc --dir /srv/shm";

/// Clears away, or says what would be.
pub(crate) fn run(args: Args) -> Outcome {
    if args.namespace.backend == Backend::Kernel {
        return Err(Failure::new("the kernel clears away what its dead leave").with_status(USAGE));
    }
    let mut report = Report::new(args.dry_run, args.namespace.words());
    let located = args.namespace.locate();
    args.namespace.become_user()?;
    let collected = located.and_then(|location| match location {
        Some(location) => collect_namespace(&location, args.dry_run, &mut report),
        None => Ok(()),
    });
    if let Err(failure) = collected {
        // The dead runs have nothing to do with it.
        report.failed(failure);
    }
    let everywhere = args.namespace.dir.is_none();
    let (runs, of_others) = everywhere.then(launch::dead_runs).unwrap_or_default();
    report.runs_of_others(&of_others);
    for run in runs {
        let removed = if args.dry_run { Ok(()) } else { run.remove() };
        match removed {
            Ok(()) => report.run(run),
            Err(why) => {
                let shown = crate::name::shown(&run.path);
                report.failed(Failure::io(format_args!("cannot remove {shown}"), why));
            }
        }
    }
    let others = args.namespace.is_default() && args.namespace.user.is_none();
    let others = others.then(sources::others).unwrap_or_default();
    report.end(args.json, &others)
}

fn collect_namespace(
    location: &Location,
    dry_run: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    report.at(location);
    // The files first: one that is made after this look is not among them, and one whose segment
    // is not there at the later look has lost it, since a slot is taken before the file is made.
    let files = remains::segment_files(location);
    let Some(namespace) = sources::open(location)? else {
        return Ok(());
    };
    let (mut remains, orphans) = remains::look(&namespace);
    drop(namespace);
    let strays;
    (remains.files, strays) = remains::strays(location, files)?;
    report.stays(orphans, strays);
    if remains == Remains::default() {
        // Whoever has to be a member to clear away would use it himself.
        if let Some(bytes) = unused::give_back(location, dry_run)? {
            report.given_back(bytes);
        }
        return Ok(());
    }
    if !dry_run {
        changes::collect(location).map_err(|why| {
            let shown = crate::name::shown(&location.directory);
            Failure::io(format_args!("cannot clear {shown}"), why)
        })?;
        for file in &remains.files {
            crate::huge::remove_memory(file);
            // Another gc may have been faster.
            let _ = fs::remove_file(file);
        }
    }
    report.cleared(remains);
    Ok(())
}
