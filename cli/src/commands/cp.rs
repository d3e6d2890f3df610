//! `partage cp`: save a segment or an object to a file, and bring it back.

use crate::contents::{Access, Contents};
use crate::failure::{Failure, Outcome, USAGE};
use crate::name::shown;
use crate::namespace::Choice;
use crate::output;
use crate::progress::in_pieces;
use crate::target::Target;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Copy a segment or an object to a file, or a file into it
///
/// What begins with `shm:` is an id, a key or a name; the other one is a file. Nothing is made
/// in the namespace: the segment must exist, and the file must fit it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    namespace: Choice,

    /// `shm:ID`, `shm:KEY`, `shm:NAME`, or a file
    #[arg(value_name = "FROM")]
    from: String,

    /// The other kind
    #[arg(value_name = "TO")]
    to: String,
}

const EXAMPLES: &str = "\
Examples:
  partage cp shm:32768 saved.bin
  partage cp shm:/psm_4f2a saved.bin
  partage cp saved.bin shm:0x0052e2c1";

enum Direction {
    ToFile(Target, PathBuf),
    FromFile(PathBuf, Target),
}

/// Copies one way or the other.
pub(crate) fn run(args: Args) -> Outcome {
    let direction = direction(&args.from, &args.to)?;
    let snapshot = args.namespace.snapshot()?;
    let bytes = match &direction {
        Direction::ToFile(target, file) => save(
            &Contents::open(&target.find(&snapshot)?, Access::Read)?,
            file,
        )?,
        Direction::FromFile(file, target) => restore(
            file,
            &Contents::open(&target.find(&snapshot)?, Access::Write)?,
            target,
        )?,
    };
    output::print(&format!("copied {bytes} bytes\n"))?;
    Ok(0)
}

fn direction(from: &str, to: &str) -> Result<Direction, Failure> {
    let target = |text: &str| {
        let parsed = text.parse::<Target>();
        parsed.map_err(|why| Failure::new(format_args!("shm:{text}: {why}")).with_status(USAGE))
    };
    match (from.strip_prefix("shm:"), to.strip_prefix("shm:")) {
        (Some(from), None) => Ok(Direction::ToFile(target(from)?, to.into())),
        (None, Some(to)) => Ok(Direction::FromFile(from.into(), target(to)?)),
        (Some(_), Some(_)) => {
            Err(Failure::new("both are shared memory: copy to a file first").with_status(USAGE))
        }
        (None, None) => Err(Failure::new("neither is shared memory")
            .advise("write shm: before the id, key or name")
            .with_status(USAGE)),
    }
}

fn save(contents: &Contents, path: &Path) -> Result<u64, Failure> {
    let cannot = |why| Failure::io(format_args!("cannot write {}", shown(path)), why);
    let mut file = File::create(path).map_err(cannot)?;
    in_pieces(contents.size(), |piece, done| {
        contents.read_at(piece, done)?;
        file.write_all(piece)
    })
    .map_err(cannot)?;
    Ok(contents.size())
}

fn restore(path: &Path, contents: &Contents, target: &Target) -> Result<u64, Failure> {
    let cannot = |why| Failure::io(format_args!("cannot read {}", shown(path)), why);
    let mut file = File::open(path).map_err(cannot)?;
    let length = file.metadata().map_err(cannot)?.len();
    if length > contents.size() {
        return Err(Failure::new(format_args!(
            "{} has {length} bytes, and {target} room for {}",
            shown(path),
            contents.size()
        )));
    }
    let copied = in_pieces(length, |piece, done| {
        file.read_exact(piece)?;
        contents.write_at(piece, done)
    });
    copied.map_err(|why| Failure::io(format_args!("cannot copy to {target}"), why))?;
    Ok(length)
}
