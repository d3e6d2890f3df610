//! Which directory is the namespace, and whether it is fit to be one.
//!
//! `PARTAGE_DIR` names it. Otherwise it is the first usable of `/dev/shm/partage` (only where root made it),
//! `/dev/shm/partage-<euid>`, `$XDG_RUNTIME_DIR/partage`, `$TMPDIR/partage-<euid>` and `/tmp/partage-<euid>`.
//! Tested by `reliability/tests/security` and `c_tests/process/other_mounts.c`.

use crate::error::{Errno, Result};
use crate::log::{self, Level};
use crate::options;
use crate::os::directories;
use crate::os::files::File;
use crate::os::identity;
use crate::os::paths::{self, Status};
use crate::text::{LONGEST_DIRECTORY, Text, file_name};

/// The path of a namespace's directory.
type Path = Text<{ LONGEST_DIRECTORY + 1 }>;

/// Everyone may pass through, so that a process that gives up its privileges can still open segments by name. Nobody
/// else may list or write it.
pub const DIRECTORY_MODE: u32 = 0o711;

/// In the mode of a directory that is not finished yet, see `is_half_made`: the sticky bit.
pub const UNFINISHED: u32 = STICKY;

/// How the names of directories of private runs begin.
const PRIVATE: &[u8] = b"partage-private-";

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// A directory that was checked and found fit.
pub(crate) struct Directory {
    pub(crate) path: Path,
    pub(crate) status: Status,
}

/// How far to go to get a directory.
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
        let path = absolute(named)?;
        // The command makes the directories of private runs, and removes them. A process that comes after that has no
        // namespace.
        let is_private = file_name(path.bytes()).starts_with(PRIVATE);
        return look_at(path, if is_private { Make::Never } else { make });
    }
    let mut last = Errno::ENOENT;
    for number in 0..CANDIDATES {
        match try_candidate(number, make) {
            None => {}
            // A program would make this one, and not look any further.
            Some(Err(Errno::ENOENT)) if make == Make::Never && could_be_made(number) => {
                return Err(Errno::ENOENT);
            }
            Some(Err(error)) => last = error,
            Some(found) => return found,
        }
    }
    Err(log::write_error(last, |line| {
        line.str("no directory can be the namespace; name one with PARTAGE_DIR")
    }))
}

/// [`find`] for a given directory, only to read it, and without making it. Its owner could harm programs that work
/// there, but not root who reads it.
pub(crate) fn find_named(named: &[u8]) -> Result<Directory> {
    let path = absolute(named)?;
    if identity::euid() != 0 {
        return look_at(path, Make::Never);
    }
    let status = status_of(&path)?;
    Ok(Directory { path, status })
}

/// Directories that may be the namespace when none is named.
const CANDIDATES: u32 = 5;

/// One of them; `None` where it does not apply.
#[inline(never)]
fn try_candidate(number: u32, make: Make) -> Option<Result<Directory>> {
    let path = candidate(number)?;
    // The first is for all users, if root has made it.
    if number > 0 {
        return Some(look_at(path, make));
    }
    match look_at(path, Make::Never) {
        Ok(directory) if directory.status.uid != 0 => None,
        found => Some(found),
    }
}

fn could_be_made(number: u32) -> bool {
    number > 0
        && candidate(number).is_some_and(|path| paths::may_make_in(parent_of(&path).as_c_str()))
}

fn candidate(number: u32) -> Option<Path> {
    let (parent, name, with_user): (&[u8], _, _) = match number {
        0 => (b"/dev/shm", "/partage", false),
        1 => (b"/dev/shm", "/partage", true),
        2 => (general("XDG_RUNTIME_DIR")?, "/partage", false),
        3 => (general("TMPDIR")?, "/partage", true),
        _ => (b"/tmp", "/partage", true),
    };
    let mut path = Path::new();
    path.push(parent).push_str(name);
    if with_user {
        path.push_str("-").push_decimal(identity::euid().into());
    }
    Some(path)
}

/// A variable that other programs read too, if it names an absolute path.
fn general(variable: &str) -> Option<&'static [u8]> {
    options::general(variable).filter(|parent| parent.starts_with(b"/"))
}

/// The absolute path, since programs change their directory.
#[inline(never)]
fn absolute(named: &[u8]) -> Result<Path> {
    let mut path = Path::new();
    if !named.starts_with(b"/") {
        let mut buffer = [0u8; 1024];
        let len = directories::getcwd(&mut buffer)?;
        path.push(buffer.get(..len).unwrap_or(&[])).push_str("/");
    }
    let trimmed = named
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(&b""[..], |last| named.get(..=last).unwrap_or(&[]));
    path.push(trimmed);
    if path.is_cut() || path.is_empty() {
        return Err(log::write_error(Errno::ENAMETOOLONG, |line| {
            line.str("the directory's path is too long: ").bytes(named)
        }));
    }
    Ok(path)
}

#[inline(never)]
fn look_at(path: Path, make: Make) -> Result<Directory> {
    let found = match status_of(&path) {
        Err(Errno::ENOENT) if make == Make::IfMissing => make_unfinished(&path),
        other => other,
    };
    let mut status = match found {
        Ok(status) => status,
        Err(error) if make == Make::Never => return Err(error),
        Err(error) => {
            return Err(log::write_error(error, |line| {
                line.str("cannot use ")
                    .bytes(path.bytes())
                    .str(" as the namespace")
            }));
        }
    };
    check_owner(&path, &status)?;
    if make == Make::IfMissing && is_half_made(&status) {
        finish(&path)?;
        status = status_of(&path)?;
    }
    Ok(Directory { path, status })
}

/// The status of a directory, by its name: another thread of the program may close any descriptor.
///
/// # Errors
/// - `ENOTDIR` it is no directory, or a symbolic link
fn status_of(path: &Path) -> Result<Status> {
    let status = paths::lstat(path.as_c_str())?;
    if status.mode & libc::S_IFMT == libc::S_IFDIR {
        Ok(status)
    } else {
        Err(Errno::ENOTDIR)
    }
}

/// Makes a directory with a mark that says it is not finished. The umask may have taken rights away, and the maker may
/// die before it gives them back. Then the next process of its owner that opens the directory does so.
fn make_unfinished(path: &Path) -> Result<Status> {
    match directories::mkdir(path.as_c_str(), DIRECTORY_MODE | UNFINISHED) {
        Ok(()) | Err(Errno::EEXIST) => status_of(path),
        Err(error) => Err(error),
    }
}

/// Gives a directory its mode: by a descriptor only where its name could be given to something else meanwhile.
#[cold]
#[inline(never)]
fn finish(path: &Path) -> Result<()> {
    if paths::stat(parent_of(path).as_c_str()).is_ok_and(|parent| names_stay(&parent)) {
        return paths::chmod(path.as_c_str(), DIRECTORY_MODE);
    }
    let directory = File::open(path.as_c_str(), libc::O_PATH | libc::O_DIRECTORY, 0)?;
    if is_half_made(&directory.fstat()?) {
        paths::chmod(directory.own_path().as_c_str(), DIRECTORY_MODE)
            .or_else(|_| paths::chmod(path.as_c_str(), DIRECTORY_MODE))?;
    }
    Ok(())
}

/// Whether a name that this process gives in a directory stays its file's: nobody else can remove it, or only root and
/// this user can.
pub(crate) fn names_stay(directory: &Status) -> bool {
    let is_trusted = directory.uid == 0 || directory.uid == identity::euid();
    let is_open = directory.mode & (OTHERS_WRITE | GROUP_WRITES) != 0;
    is_trusted && (!is_open || directory.mode & STICKY != 0)
}

fn parent_of(path: &Path) -> Path {
    let mut parent = Path::new();
    let name = file_name(path.bytes());
    match path.bytes().strip_suffix(name) {
        Some(above) if !matches!(name, b"." | b".." | b"") => parent.push(above).push_str("."),
        _ => parent.push_text(path).push_str("/.."),
    };
    parent
}

/// The mark is a sticky bit on a directory where nobody else may make files. There the bit has no other use.
fn is_half_made(status: &Status) -> bool {
    const SET_GROUP_ID: u32 = 0o2000;
    status.uid == identity::euid()
        && status.mode & UNFINISHED != 0
        && status.mode & 0o7777 & !(DIRECTORY_MODE | UNFINISHED | SET_GROUP_ID) == 0
}

/// Where anybody can make directories, another user's directory may be a trap.
#[inline(never)]
fn check_owner(path: &Path, status: &Status) -> Result<()> {
    let trusted = status.uid == 0 || status.uid == identity::euid();
    if !trusted
        && paths::stat(parent_of(path).as_c_str())
            .is_ok_and(|parent| parent.mode & OTHERS_WRITE != 0)
    {
        return Err(log::write_error(Errno::EACCES, |line| {
            line.str("refused ")
                .bytes(path.bytes())
                .str(": it belongs to user ")
                .number(status.uid.into())
                .str(" and lies where anybody can make directories")
        }));
    }
    if status.mode & OTHERS_WRITE != 0 && status.mode & UNFINISHED == 0 {
        log::write(Level::Warn, |line| {
            line.bytes(path.bytes())
                .str(" has mode ")
                .octal(status.mode & 0o7777)
                .str(": anybody can remove segments there; chmod +t it")
        });
    }
    Ok(())
}

/// The mode of the registry and the lock files: all who may make files in the directory are members.
pub(crate) fn shared_mode(directory: &Status) -> u32 {
    let group = if directory.mode & GROUP_WRITES != 0 {
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
