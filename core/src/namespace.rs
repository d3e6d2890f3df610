//! Which directory is the namespace, and whether it is fit to be one.
//!
//! `PARTAGE_DIR` names it. Otherwise it is the first usable of `/dev/shm/partage` (only where root made it),
//! `/dev/shm/partage-<euid>`, `$XDG_RUNTIME_DIR/partage`, `$TMPDIR/partage-<euid>` and `/tmp/partage-<euid>`.

use crate::error::{Errno, Result};
use crate::log::{self, Level};
use crate::options;
use crate::os::directories;
use crate::os::files::{self, File, Status};
use crate::os::identity;
use crate::text::Path;

/// Everyone may pass through, so that a process that gives up its privileges can still open segments by name;
/// nobody else may look or write.
const DEFAULT_MODE: u32 = 0o711;

const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

/// A directory that was looked at and found fit.
pub(crate) struct Directory {
    pub(crate) path: Path,
    pub(crate) status: Status,
}

/// What may be done to get a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    IfMissing,
    Never,
}

/// Finds the namespace's directory, and makes it if need be.
///
/// # Errors
/// - `ENAMETOOLONG` the path does not fit
/// - `EACCES` it belongs to somebody else
/// - `ENOTDIR`, `ELOOP` it is no directory, or a symbolic link
/// - other errors of open(2) and mkdir(2)
pub(crate) fn find(make: Make) -> Result<Directory> {
    if let Some(named) = options::directory() {
        return look_at(absolute(named)?, make);
    }
    let mut last = Errno::ENOENT;
    for Candidate { path, by_root } in candidates().into_iter().flatten() {
        match look_at(path, if by_root { Make::Never } else { make }) {
            Err(error) => last = error,
            Ok(directory) if by_root && directory.status.uid != 0 => {}
            found => return found,
        }
    }
    Err(log::refuse(last, |line| {
        line.str("no directory can be the namespace; name one with PARTAGE_DIR")
    }))
}

/// [`find`] for a directory that is given, and not made.
pub(crate) fn find_named(named: &[u8]) -> Result<Directory> {
    look_at(absolute(named)?, Make::Never)
}

/// A directory that may be the namespace when none is named.
struct Candidate {
    path: Path,
    /// Only if root has made it: it is for everybody.
    by_root: bool,
}

fn candidates() -> [Option<Candidate>; 5] {
    let user = u64::from(identity::euid());
    let path = |parent: &[u8], name: &str, with_user: bool| {
        let mut path = Path::new();
        path.push(parent).push_str(name);
        if with_user {
            path.push_str("-").push_decimal(user);
        }
        Candidate {
            path,
            by_root: false,
        }
    };
    let below = |variable, with_user| {
        options::general(variable)
            .filter(|parent| parent.starts_with(b"/"))
            .map(|parent| path(parent, "/partage", with_user))
    };
    [
        Some(Candidate {
            by_root: true,
            ..path(b"/dev/shm", "/partage", false)
        }),
        Some(path(b"/dev/shm", "/partage", true)),
        below("XDG_RUNTIME_DIR", false),
        below("TMPDIR", true),
        Some(path(b"/tmp", "/partage", true)),
    ]
}

/// The path from the root: programs change their directory.
fn absolute(named: &[u8]) -> Result<Path> {
    let mut path = Path::new();
    if !named.starts_with(b"/") {
        let mut buffer = [0u8; 1024];
        let len = directories::current_directory(&mut buffer)?;
        path.push(buffer.get(..len).unwrap_or(&[])).push_str("/");
    }
    let trimmed = named
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(&b""[..], |last| named.get(..=last).unwrap_or(&[]));
    path.push(trimmed);
    // Room for the longest name of a file in it, a POSIX object's.
    let mut longest = path;
    longest.push(&[b'x'; 300]);
    if longest.is_cut() || path.is_empty() {
        return Err(log::refuse(Errno::ENAMETOOLONG, |line| {
            line.str("the directory's path is too long: ").bytes(named)
        }));
    }
    Ok(path)
}

fn look_at(path: Path, make: Make) -> Result<Directory> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    let opened = match open_directory(&path, flags) {
        Err(Errno::ENOENT) if make == Make::IfMissing => make_and_open(&path, flags),
        other => other,
    };
    let directory = match opened {
        Ok(directory) => directory,
        Err(error) if make == Make::Never => return Err(error),
        Err(error) => {
            return Err(log::refuse(error, |line| {
                line.str("cannot use ")
                    .bytes(path.bytes())
                    .str(" as the namespace")
            }));
        }
    };
    let mut status = directory.status()?;
    check_owner(&path, &directory, &status)?;
    if make == Make::IfMissing && is_half_made(&status) {
        files::set_mode(directory.own_path().as_c_str(), DEFAULT_MODE)
            .or_else(|_| files::set_mode(path.as_c_str(), DEFAULT_MODE))?;
        status = directory.status()?;
    }
    Ok(Directory { path, status })
}

/// Makes it with a mark that it is not finished: the umask may have taken rights away, and who makes it may die before
/// they are given back. Then whoever owns it does that, when he opens it next.
fn make_and_open(path: &Path, flags: i32) -> Result<File> {
    match directories::make_directory(path.as_c_str(), DEFAULT_MODE | STICKY) {
        Ok(()) | Err(Errno::EEXIST) => open_directory(path, flags),
        Err(error) => Err(error),
    }
}

fn open_directory(path: &Path, flags: i32) -> Result<File> {
    match File::open(path.as_c_str(), flags, 0) {
        // Without the right to list it, a directory can still be passed through.
        Err(Errno::EACCES) => File::open(path.as_c_str(), libc::O_PATH | libc::O_DIRECTORY, 0),
        other => other,
    }
}

/// The mark is a sticky bit on a directory where nobody else may make files: nobody has a use for that.
fn is_half_made(status: &Status) -> bool {
    const SET_GROUP_ID: u32 = 0o2000;
    status.uid == identity::euid()
        && status.mode & STICKY != 0
        && status.mode & 0o7777 & !(DEFAULT_MODE | STICKY | SET_GROUP_ID) == 0
}

/// Where anybody can make directories, one that somebody else made may be a trap.
fn check_owner(path: &Path, directory: &File, status: &Status) -> Result<()> {
    let trusted = status.uid == 0 || status.uid == identity::euid();
    if !trusted
        && directory
            .parent_status()
            .is_ok_and(|parent| parent.mode & OTHERS_WRITE != 0)
    {
        return Err(log::refuse(Errno::EACCES, |line| {
            line.str("refused ")
                .bytes(path.bytes())
                .str(": it belongs to user ")
                .number(status.uid.into())
                .str(" and lies where anybody can make directories")
        }));
    }
    if status.mode & OTHERS_WRITE != 0 && status.mode & STICKY == 0 {
        log::write(Level::Warn, |line| {
            line.bytes(path.bytes())
                .str(" has mode ")
                .octal(status.mode & 0o7777)
                .str(": anybody can remove segments there; chmod +t it")
        });
    }
    Ok(())
}

/// The mode of the bookkeeping files: whoever may make files in the directory is a member.
pub(crate) fn shared_mode(directory: &Status) -> u32 {
    let group = if directory.mode & 0o020 != 0 {
        0o060
    } else {
        0
    };
    let others = if directory.mode & OTHERS_WRITE != 0 {
        0o006
    } else {
        0
    };
    0o600 | group | others
}
