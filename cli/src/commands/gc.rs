//! `partage gc`: what the dead left behind, cleared away.

mod unused;

use crate::changes;
use crate::failure::{Failure, Outcome, USAGE};
use crate::launch;
use crate::launch::DeadRun;
use crate::namespace::{Backend, Choice};
use crate::output::{self, format};
use crate::sources::{self, Location};
use partage_core::inspect::{Namespace, State};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

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
    let (mut report, mut notes) = (Vec::new(), Vec::new());
    let mut status = 0;
    let located = args.namespace.locate();
    args.namespace.become_user()?;
    let collected = located.and_then(|location| match location {
        Some(location) => collect_namespace(&location, args.dry_run, &mut report, &mut notes),
        None => Ok(()),
    });
    if let Err(failure) = collected {
        // The dead runs have nothing to do with it.
        status = failure.report();
    }
    let everywhere = args.namespace.dir.is_none();
    for run in everywhere.then(launch::dead_runs).into_iter().flatten() {
        match collect_run(&run, args.dry_run) {
            Ok(line) => report.push(line),
            Err(failure) => status = failure.report(),
        }
    }
    if report.is_empty() && status == 0 {
        report.push("nothing to clear away".to_owned());
    }
    output::print(
        &report
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    )?;
    output::notes::print(&notes);
    Ok(status)
}

fn verb(dry_run: bool) -> &'static str {
    if dry_run {
        "would clear away"
    } else {
        "cleared away"
    }
}

fn collect_run(run: &DeadRun, dry_run: bool) -> Result<String, Failure> {
    let shown = run.path.display();
    if !dry_run {
        run.remove()
            .map_err(|why| Failure::io(format_args!("cannot remove {shown}"), why))?;
    }
    let what = if run.recording {
        "recording"
    } else {
        "namespace"
    };
    Ok(format!(
        "{} {shown}, the {what} of a dead run, with {}",
        verb(dry_run),
        format::size(run.resident)
    ))
}

/// What the dead left in a namespace, or what there is of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Remains {
    /// Attachments of members that have died.
    attachments: u64,
    /// Segments that nobody but the dead keep, and half-made or half-removed ones.
    segments: BTreeSet<u32>,
    /// Memory in those.
    resident: u64,
    /// Files that belong to no segment.
    files: Vec<PathBuf>,
}

fn collect_namespace(
    location: &Location,
    dry_run: bool,
    report: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    // The files first: one that is made after this look is not among them, and one whose segment
    // is not there at the later look has lost it, since a slot is taken before the file is made.
    let files = segment_files(location);
    let Some(namespace) = sources::open(location)? else {
        return Ok(());
    };
    let mut remains = remains_in(&namespace);
    let orphans = orphans_in(&namespace);
    drop(namespace);
    remains.files = strays(location, files)?;
    if orphans.0 > 0 {
        notes.push(format!(
            "stay: {} of {}, which nobody is attached to: `partage rm --orphans` removes them",
            format::count(orphans.0, "segment"),
            format::size(orphans.1)
        ));
    }
    if remains == Remains::default() {
        // Whoever has to be a member to clear away would use it himself.
        if let Some(bytes) = unused::give_back(location, dry_run)? {
            report.push(format!(
                "{} the bookkeeping of {}, which nobody uses, with {}",
                verb(dry_run),
                location.directory.display(),
                format::size(bytes)
            ));
        }
        return Ok(());
    }
    if !dry_run {
        changes::collect(location).map_err(|why| {
            Failure::io(
                format_args!("cannot clear {}", location.directory.display()),
                why,
            )
        })?;
        for file in &remains.files {
            crate::huge::remove_memory(file);
            // Another gc may have been faster.
            let _ = fs::remove_file(file);
        }
    }
    report.push(format!(
        "{} {}, {} ({}), {} of {}",
        verb(dry_run),
        format::count(remains.attachments as usize, "dead attachment"),
        format::count(remains.segments.len(), "segment"),
        format::size(remains.resident),
        format::count(remains.files.len(), "stray file"),
        location.directory.display()
    ));
    Ok(())
}

/// Segments that only nobody uses, and their size: those stay.
fn orphans_in(namespace: &Namespace) -> (usize, u64) {
    let (mut count, mut bytes) = (0, 0u64);
    namespace.each_slot(|_, segment| {
        if segment.state == State::Live && segment.nattch == 0 {
            count += 1;
            bytes = bytes.saturating_add(segment.size);
        }
    });
    (count, bytes)
}

fn remains_in(namespace: &Namespace) -> Remains {
    let mut remains = Remains::default();
    let forced = namespace.limits().rmid_forced;
    namespace.each_slot(|_, segment| {
        let mut dead = 0;
        namespace.each_attachment(segment.shmid, |attachment| {
            dead += if attachment.alive {
                0
            } else {
                u64::from(attachment.mappings)
            };
        });
        remains.attachments += dead;
        let removed = segment.mode & partage_core::inspect::SHM_DEST != 0;
        let waits = segment.nattch == 0 && (removed || (forced && dead > 0));
        if segment.state == State::Doomed
            || (matches!(segment.state, State::Live | State::Removed) && waits)
        {
            remains.segments.insert(segment.shmid);
            remains.resident += namespace.resident_bytes(segment);
        }
    });
    remains
}

/// The files of segments in the directory, and registries that were never finished.
fn segment_files(location: &Location) -> Vec<PathBuf> {
    let entries = fs::read_dir(&location.directory)
        .into_iter()
        .flatten()
        .flatten();
    let named = entries.filter(|entry| match entry.file_name().as_bytes() {
        name if name.starts_with(b"segment-") => true,
        name if name.starts_with(b"registry.") => is_old(entry),
        _ => false,
    });
    named.map(|entry| entry.path()).collect()
}

/// Whether nobody can be about to finish a file: making a registry takes no time.
fn is_old(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|data| data.modified()).ok();
    let age = modified.and_then(|modified| modified.elapsed().ok());
    age.is_some_and(|age| age > Duration::from_secs(60))
}

/// Those of this user's `files` that belong to no slot.
fn strays(location: &Location, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let mut owned = BTreeSet::new();
    if let Some(namespace) = sources::open(location)? {
        namespace.each_slot(|_, segment| {
            let path = |path: &[u8]| PathBuf::from(OsStr::from_bytes(path));
            owned.insert(namespace.with_file(segment, path));
        });
    }
    let me = nix::unistd::Uid::effective().as_raw();
    let mine = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|data| data.uid() == me);
    Ok(files
        .into_iter()
        .filter(|path| !owned.contains(path) && mine(path))
        .collect())
}
