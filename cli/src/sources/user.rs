//! A namespace of the library, looked into without taking part.

use super::{objects, process};
use crate::failure::{Failure, reason};
use crate::model::{Attachment, Limits, Owner, Segment, Snapshot};
use partage_core::Errno;
use partage_core::inspect::{self, Namespace, State};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where POSIX objects are when no namespace is named: where the C library has them.
const DEFAULT_OBJECTS: &str = "/dev/shm";

/// A namespace's place.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) directory: PathBuf,
    /// Whether it was named, by `--dir` or `PARTAGE_DIR`: then it has POSIX objects of its own.
    pub(crate) named: bool,
}

/// The directory that was named, or the one that a program of this user would use; `None` when
/// no such program has run yet.
pub(crate) fn locate(directory: Option<&Path>) -> Result<Option<Location>, Failure> {
    let variable = std::env::var_os("PARTAGE_DIR").filter(|value| !value.is_empty());
    let named = directory
        .map(Path::to_owned)
        .or_else(|| variable.map(PathBuf::from));
    if let Some(directory) = named {
        // A symbolic link on the way is the user's own business; the last part is checked later.
        let directory =
            std::path::absolute(&directory).map_err(|why| Failure::io("PARTAGE_DIR", why))?;
        return Ok(Some(Location {
            directory,
            named: true,
        }));
    }
    let default = inspect::with_default_directory(|path| PathBuf::from(OsStr::from_bytes(path)));
    match default {
        Ok(directory) => Ok(Some(Location {
            directory,
            named: false,
        })),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(unusable(Path::new("the default namespace"), errno)),
    }
}

/// Opens the namespace there; `None` when no program has used the directory yet.
pub(crate) fn open(location: &Location) -> Result<Option<Namespace>, Failure> {
    let directory = &location.directory;
    match Namespace::open(directory.as_os_str().as_bytes()) {
        Ok(namespace) => Ok(Some(namespace)),
        Err(Errno::ENOENT) if directory.is_dir() => Ok(None),
        Err(errno) => Err(unusable(directory, errno)),
    }
}

/// The namespace in `directory`, or the one that a program of this user would use.
pub(crate) fn snapshot(directory: Option<&Path>) -> Result<Snapshot, Failure> {
    let location = locate(directory)?;
    let namespace = location.as_ref().map(open).transpose()?.flatten();
    let shm = objects_of(location.as_ref());
    let objects = objects::read(&shm)
        .map_err(|why| Failure::io(format_args!("cannot list {}", shm.display()), why))?;
    Ok(Snapshot {
        directory: location.map(|location| location.directory),
        limits: namespace.as_ref().map(limits),
        segments: namespace.as_ref().map(segments).unwrap_or_default(),
        objects,
    })
}

/// As the library chooses: a named namespace has objects of its own; else they are where the C
/// library has them, if that place is there.
fn objects_of(location: Option<&Location>) -> PathBuf {
    let default = PathBuf::from(DEFAULT_OBJECTS);
    match location {
        Some(Location { directory, named }) if *named || !default.exists() => {
            directory.join("posix")
        }
        _ => default,
    }
}

fn unusable(directory: &Path, errno: Errno) -> Failure {
    let shown = directory.display();
    match errno {
        Errno::ENOENT => Failure::new(format_args!("there is no namespace {shown}"))
            .advise("programs make it when they run there, or `partage init` does"),
        Errno::EUCLEAN => Failure::new(format_args!("the registry in {shown} is damaged")).advise(
            "`partage doctor` says more; when nobody needs it, `partage destroy` removes it",
        ),
        Errno::EPROTO => Failure::new(format_args!(
            "the registry in {shown} is of another version"
        ))
        .advise("use the command that belongs to the library which made it"),
        Errno::ESRCH => Failure::new(format_args!(
            "the namespace {shown} is from before the machine was started"
        ))
        .advise("nothing in it is in use; the next program there begins it afresh"),
        Errno::EACCES | Errno::EPERM => {
            Failure::new(format_args!("the namespace {shown} is not open to you"))
                .advise("it belongs to another user: see `ls -ld`, or run this as that user")
        }
        other => {
            let why = reason(&io::Error::from_raw_os_error(other.0));
            Failure::new(format_args!("cannot use the namespace {shown}: {why}"))
        }
    }
}

fn limits(namespace: &Namespace) -> Limits {
    let limits = namespace.limits();
    Limits {
        shmmax: limits.shmmax,
        shmall: limits.shmall,
        shmmni: limits.shmmni.into(),
        rmid_forced: limits.rmid_forced,
    }
}

fn segments(namespace: &Namespace) -> Vec<Segment> {
    let mut commands = HashMap::new();
    let mut segments = Vec::new();
    namespace.each_slot(|_, segment| {
        if segment.state == State::Live {
            let attached = attachments(namespace, segment.shmid, &mut commands);
            segments.push(describe(namespace, segment, attached));
        }
    });
    segments
}

fn describe(
    namespace: &Namespace,
    segment: &inspect::Segment,
    attached: Vec<Attachment>,
) -> Segment {
    let file = namespace.with_memory(segment, |path| PathBuf::from(OsStr::from_bytes(path)));
    Segment {
        key: segment.key,
        id: segment.shmid as i32,
        owner: Owner {
            uid: segment.uid,
            gid: segment.gid,
        },
        cuid: segment.cuid,
        cgid: segment.cgid,
        mode: segment.mode,
        size: segment.size,
        resident: Some(namespace.resident_bytes(segment)),
        // Counted here: the same attachments that are listed.
        nattch: attached
            .iter()
            .map(|attachment| u64::from(attachment.mappings))
            .sum(),
        atime: segment.atime,
        dtime: segment.dtime,
        ctime: segment.ctime,
        cpid: segment.cpid,
        lpid: segment.lpid,
        file: Some(file),
        attached,
    }
}

/// Those of living members. `commands` remembers what each process runs.
fn attachments(
    namespace: &Namespace,
    shmid: u32,
    commands: &mut HashMap<i32, String>,
) -> Vec<Attachment> {
    let mut attached = Vec::new();
    namespace.each_attachment(shmid, |attachment| {
        if !attachment.alive {
            return;
        }
        let pid = attachment.pid;
        let command = commands
            .entry(pid)
            .or_insert_with(|| process::command_of(pid));
        attached.push(Attachment {
            pid,
            command: command.clone(),
            address: attachment.address as u64,
            since: Some(attachment.since),
            read_only: attachment.read_only,
            mappings: attachment.mappings,
        });
    });
    attached.sort_by_key(|attachment| (attachment.pid, attachment.address));
    attached
}
