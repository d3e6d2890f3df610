//! The namespace of one `run --private`: made for the run, removed with it.
//!
//! The file `starter` in it says who started the run, and carries an open-file-description lock
//! for as long as somebody is there who will remove the directory. `gc` removes a private
//! namespace whose lock is free.

use super::{NAMESPACE_MODE, make_directory};
use crate::failure::{Failure, reason};
use crate::liveness::whole;
use crate::name::shown;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the directories' names begin; a random part follows.
pub(crate) const PREFIX: &str = "partage-private-";
/// How the names of temporary recordings begin; they have a `starter`, too.
pub(crate) const RECORDING: &str = "partage-trace-";
/// The file that tells whether the run is alive.
pub(crate) const STARTER: &str = "starter";
/// Everybody may make files there and use those whose names he knows; nobody may list it, or remove another's.
const OPEN_MODE: u32 = 0o1733;
/// What it is called until it has its lock.
const UNLOCKED: &str = "starter.new";
/// What it is called once the run has ended and left the namespace in place.
pub(crate) const KEPT: &str = "kept";

/// A private namespace whose `starter` lock this process holds.
pub(crate) struct PrivateNamespace {
    path: PathBuf,
    starter: File,
}

impl PrivateNamespace {
    /// Makes one in the first place that has room for directories.
    pub(crate) fn create(command: &OsStr) -> Result<Self, Failure> {
        let mut refusals = Vec::new();
        for parent in parents() {
            match create_in(&parent, command) {
                Ok(made) => return Ok(made),
                Err(why) => refusals.push(format!("{} ({})", shown(&parent), reason(&why))),
            }
        }
        Err(Failure::new(format_args!(
            "no place for a private namespace: tried {}",
            refusals.join(", ")
        ))
        .advise("set TMPDIR to a directory that you can write to"))
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that carries the lock.
    pub(crate) fn starter(&self) -> &File {
        &self.starter
    }

    /// Marks the directory as one that is to stay.
    pub(crate) fn keep(&self) -> io::Result<()> {
        std::fs::rename(self.path.join(STARTER), self.path.join(KEPT))
    }

    /// Removes the directory and all files in it; their memory is free once nobody maps it. One
    /// that is gone already is no error.
    pub(crate) fn remove(&self) -> io::Result<()> {
        remove_namespace(&self.path)
    }
}

/// Where private namespaces are made, best place first.
pub(crate) fn parents() -> Vec<PathBuf> {
    let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
    let temporary = temporary.filter(|path| path.is_absolute());
    let mut parents = vec![PathBuf::from("/dev/shm")];
    parents.extend(temporary);
    parents.push("/tmp".into());
    parents.dedup();
    parents
}

fn create_in(parent: &Path, command: &OsStr) -> io::Result<PrivateNamespace> {
    let path = parent.join(format!("{PREFIX}{:016x}", random()?));
    // A service that root starts and that drops to its user makes segments there; nobody else finds the name.
    let mode = if nix::unistd::Uid::effective().is_root() {
        OPEN_MODE
    } else {
        NAMESPACE_MODE
    };
    make_directory(&path, mode)?;
    let made = mark_in_use(&path, command);
    if made.is_err() {
        // Nothing can be in it but the file of ours.
        let _ = std::fs::remove_dir_all(&path);
    }
    made.map(|starter| PrivateNamespace { path, starter })
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Writes `starter` and takes its lock: while it is open, the directory is in use.
pub(crate) fn mark_in_use(directory: &Path, command: &OsStr) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    // Nobody may find it without its lock.
    let unlocked = directory.join(UNLOCKED);
    let mut file = options.open(&unlocked)?;
    if !take_lock(&file)? {
        return Err(Errno::EAGAIN.into());
    }
    std::fs::rename(unlocked, directory.join(STARTER))?;
    writeln!(file, "pid {}", std::process::id())?;
    writeln!(file, "uid {}", nix::unistd::Uid::current())?;
    writeln!(file, "command {}", command.to_string_lossy())?;
    Ok(file)
}

/// Takes the write lock of a `starter` file; false when somebody alive holds it.
pub(crate) fn take_lock(file: &File) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(why) => Err(why.into()),
    }
}

/// Removes a namespace directory. Members that are about to die can add files while we look, so
/// it is tried again, for a few seconds at most: once the directory is gone, nobody can.
pub(crate) fn remove_namespace(path: &Path) -> io::Result<()> {
    const TRIES: u32 = 500;
    let mut last = Ok(());
    for _ in 0..TRIES {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            crate::huge::remove_memory(&entry.path());
        }
        last = match std::fs::remove_dir_all(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound && !path.exists() => Ok(()),
            result => result,
        };
        match &last {
            Err(why) if why.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            _ => return last,
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock_is_free(path: &Path) -> bool {
        let file = OpenOptions::new()
            .write(true)
            .open(path.join(STARTER))
            .unwrap();
        take_lock(&file).unwrap()
    }

    #[test]
    fn lock_lives_as_long_as_the_namespace_is_held() {
        let made = PrivateNamespace::create(OsStr::new("test")).unwrap();
        let path = made.path().to_owned();
        assert!(!lock_is_free(&path));
        drop(made);
        assert!(lock_is_free(&path));
        remove_namespace(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn removal_takes_files_and_directories_and_may_be_repeated() {
        let made = PrivateNamespace::create(OsStr::new("test")).unwrap();
        std::fs::create_dir(made.path().join("posix")).unwrap();
        std::fs::write(made.path().join("posix/object"), "x").unwrap();
        made.remove().unwrap();
        assert!(!made.path().exists());
        made.remove().unwrap();
    }
}
