//! `partage init`: a namespace for several users.

use crate::failure::{Failure, Outcome, USAGE};
use crate::launch::make_directory;
use crate::name::shown;
use crate::output;
use nix::unistd::{Gid, Group, Uid};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Make a namespace that others can use: a directory with the right owner and mode
///
/// A namespace of one user needs no `init`: the first program makes it. With `--group`, all
/// members of the group share it; with `--system`, everybody on this machine does, without any
/// setting, since programs look there first.
///
/// The sticky bit keeps users from removing each other's segments, and each segment has its own
/// owner and mode, as in the kernel.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The directory to make; its parent must exist
    #[arg(value_name = "DIR", required_unless_present = "system")]
    dir: Option<PathBuf>,

    /// Mode in octal, instead of the one that suits the other options
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    mode: Option<u32>,

    /// Share it with this group (name or number)
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    /// Make the one for the whole machine, /dev/shm/partage (only root can)
    #[arg(long, conflicts_with_all = ["dir", "group"])]
    system: bool,
}

const EXAMPLES: &str = "\
Examples:
  partage init /srv/shm                        for this user
  partage init --group database /srv/shm       for a group
  partage init --mode 1777 /srv/shm            for everybody who names it
  sudo partage init --system                   for everybody, by default";

/// Where programs look first.
const SYSTEM: &str = "/dev/shm/partage";

/// Everybody may make segments, nobody may remove another's.
const FOR_ALL: u32 = 0o1777;
/// The same for the members of a group, which new files belong to.
const FOR_GROUP: u32 = 0o3771;

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| "an octal mode such as 1777".to_owned())
}

/// Makes the directory, or accepts one that is as it should be.
pub(crate) fn run(args: Args) -> Outcome {
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => system_directory()?,
    };
    let group = args.group.as_deref().map(gid_of).transpose()?;
    let usual = match (args.system, group) {
        (true, _) => FOR_ALL,
        (false, Some(_)) => FOR_GROUP,
        (false, None) => crate::launch::NAMESPACE_MODE,
    };
    let mode = args.mode.unwrap_or(usual);
    make(&dir, mode, group)?;
    output::print(&format!("{}: ready, mode {mode:o}\n", shown(&dir)))?;
    Ok(0)
}

fn system_directory() -> Result<PathBuf, Failure> {
    if !Uid::effective().is_root() {
        return Err(
            Failure::new("only root can make the namespace of the whole machine")
                .advise("programs trust it because it is root's: run `sudo partage init --system`"),
        );
    }
    Ok(SYSTEM.into())
}

fn gid_of(text: &str) -> Result<u32, Failure> {
    if let Ok(gid) = text.parse() {
        return Ok(gid);
    }
    let group = Group::from_name(text).ok().flatten();
    let missing = || Failure::new(format_args!("there is no group {text}")).with_status(USAGE);
    group.map(|group| group.gid.as_raw()).ok_or_else(missing)
}

fn make(dir: &Path, mode: u32, group: Option<u32>) -> Result<(), Failure> {
    let cannot = |why| Failure::io(format_args!("cannot make {}", shown(dir)), why);
    match make_directory(dir, 0o700) {
        Err(why) if why.kind() == ErrorKind::AlreadyExists => return check(dir, mode, group),
        made => made.map_err(cannot)?,
    }
    // Nobody else can be in it before owner and mode are right: it is ours alone until then. The
    // group comes first, since changing it takes the set-gid bit away.
    let fitted = chown(dir, None, group)
        .and_then(|()| std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)));
    fitted.map_err(|why| {
        // It is empty, and of no use as it is.
        let _ = std::fs::remove_dir(dir);
        let advice = "you must be a member of the group, or root";
        match group {
            Some(_) => cannot(why).advise(advice),
            None => cannot(why),
        }
    })
}

/// A directory that is there already: right, or for the user to look at.
fn check(dir: &Path, mode: u32, group: Option<u32>) -> Result<(), Failure> {
    let data = std::fs::symlink_metadata(dir)
        .map_err(|why| Failure::io(format_args!("cannot look at {}", shown(dir)), why))?;
    let differs = |what: String| {
        Err(
            Failure::new(format_args!("{} exists, and {what}", shown(dir)))
                .advise("change it if nothing is in it, or remove it with `partage destroy` first"),
        )
    };
    if !data.is_dir() {
        return differs("is no directory".to_owned());
    }
    if data.uid() != Uid::effective().as_raw() {
        return differs(format!("belongs to {}", output::format::user(data.uid())));
    }
    if data.mode() & 0o7777 != mode {
        return differs(format!("has mode {:o}, not {mode:o}", data.mode() & 0o7777));
    }
    if group.is_some_and(|group| Gid::from_raw(group) != Gid::from_raw(data.gid())) {
        return differs(format!(
            "has the group {}",
            output::format::group(data.gid())
        ));
    }
    Ok(())
}
