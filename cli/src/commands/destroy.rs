//! `partage destroy`: a namespace and all that is in it, gone.

use crate::confirm;
use crate::failure::{Failure, Outcome};
use crate::model::Snapshot;
use crate::name::shown;
use crate::namespace;
use crate::output;
use crate::sources;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Remove a namespace with all its segments and objects
///
/// Refused while a process is attached to anything in it, and when the directory holds files
/// that no namespace has. Processes that are attached keep their memory until they detach. One that
/// is damaged, or of another version, goes if nobody has its registry open.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The namespace's directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Even if processes are attached
    #[arg(long)]
    force: bool,

    /// Say what would go, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  partage destroy /srv/shm
  partage destroy --yes \"$PARTAGE_DIR\"";

/// Removes the directory, after a question on a terminal.
pub(crate) fn run(args: Args) -> Outcome {
    let held = Held::open(&args.dir)?;
    let files = namespace_files(&args.dir, &held)?;
    let (contents, attached) = match namespace::snapshot_of(&args.dir) {
        Ok(snapshot) => told(&args.dir, &snapshot),
        Err(failure) => (unread(&args, &files, failure)?, 0),
    };
    if attached > 0 && !args.force {
        let held = output::format::count(attached, "thing");
        return Err(Failure::new(format_args!(
            "{contents}; somebody is attached to {held} of it"
        ))
        .advise("see `partage ls -p`; `--force` removes it all the same"));
    }
    if args.dry_run {
        output::print(&format!("would remove {contents}\n"))?;
        return Ok(0);
    }
    if !args.yes && !confirm::ask(&format!("remove {contents}?"))? {
        return Ok(crate::failure::FAILED);
    }
    remove(&args.dir, &held, &files)?;
    output::print(&format!("removed {contents}\n"))?;
    Ok(0)
}

/// The directory itself, by a descriptor: it is no link, and a user may put one in its place after it was looked at.
struct Held(OwnedFd);

impl Held {
    fn open(dir: &Path) -> Result<Self, Failure> {
        // With a slash at its end a link would be followed.
        let place: PathBuf = dir.components().collect();
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = nix::fcntl::open(&place, flags, Mode::empty());
        opened.map(Self).map_err(|why| match place.is_symlink() {
            true => Failure::new(format_args!("{} is a link", shown(dir)))
                .advise("name the directory that it leads to, if that is what you mean"),
            false => Failure::io(format_args!("cannot read {}", shown(dir)), why),
        })
    }

    /// By this path the directory is reached whatever becomes of its name.
    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

/// What is in it, and how much of that somebody is attached to.
fn told(dir: &Path, snapshot: &Snapshot) -> (String, usize) {
    let Snapshot {
        segments, objects, ..
    } = snapshot;
    let held = segments.iter().filter(|one| !one.is_orphan()).count()
        + objects.iter().filter(|one| !one.is_orphan()).count();
    let contents = format!(
        "{}: {}, {}",
        shown(dir),
        output::format::count(segments.len(), "segment"),
        output::format::count(objects.len(), "object")
    );
    (contents, held)
}

/// The same of one that is damaged, or of another version: it goes if nobody has its registry open, or
/// by force.
fn unread(args: &Args, files: &[OsString], failure: Failure) -> Result<String, Failure> {
    let is_open = sources::is_file_open(&args.dir.join("registry"));
    if !args.force && is_open != Some(false) {
        return Err(failure.advise(
            "end the programs that use it; `--force` removes it without a look at who does",
        ));
    }
    let number = output::format::count(files.len(), "file");
    let why = failure.into_parts().0;
    Ok(format!(
        "{}: {number}, of which nothing can be told ({why})",
        shown(&args.dir)
    ))
}

/// The entries of a namespace's directory, if there is nothing in it but a namespace's.
fn namespace_files(dir: &Path, held: &Held) -> Result<Vec<OsString>, Failure> {
    let cannot = |why| Failure::io(format_args!("cannot read {}", shown(dir)), why);
    let mut files = Vec::new();
    for entry in fs::read_dir(held.path()).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        if !sources::is_bookkeeping(&name) {
            let name = crate::name::escaped(name.as_encoded_bytes());
            return Err(Failure::new(format_args!(
                "{} holds {name}, which is no part of a namespace",
                shown(dir)
            ))
            .advise("check that it is the directory you mean, and move that file away"));
        }
        files.push(name);
    }
    Ok(files)
}

/// Removes the registry first: nobody can join what is going.
fn remove(dir: &Path, held: &Held, files: &[OsString]) -> Result<(), Failure> {
    let cannot =
        |path: PathBuf| move |why| Failure::io(format_args!("cannot remove {}", shown(&path)), why);
    let is_registry = |name: &&OsString| *name == "registry";
    let order = files
        .iter()
        .filter(is_registry)
        .chain(files.iter().filter(|name| !is_registry(name)));
    for name in order {
        let path = held.path().join(name);
        crate::huge::remove_memory(&path);
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir());
        let removed = match is_directory {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        match removed {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.map_err(cannot(dir.join(name)))?,
        }
    }
    fs::remove_dir(dir).map_err(cannot(dir.to_owned()))
}
