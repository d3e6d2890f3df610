//! A namespace of the library, looked into without taking part.

use super::holders::{FileId, Scan, Wanted};
use super::{Extent, objects, process};
use crate::failure::{Failure, reason};
use crate::launch::{KEPT, STARTER};
use crate::model::{Attachment, Limits, Owner, Process, Segment, Snapshot};
use crate::name::escaped;
use crate::name::shown;
use partage_core::Errno;
use partage_core::inspect::{self, Namespace, State};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
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
        Err(Errno::ENOENT) if directory.is_dir() => refuse_strangers(directory).map(|()| None),
        Err(Errno::ENOTDIR) if directory.is_symlink() => Err(Failure::new(format_args!(
            "{} is no namespace: it is a link",
            shown(directory)
        ))
        .advise("name the directory that it leads to")),
        Err(Errno::ENOTDIR) => Err(Failure::new(format_args!(
            "{} is no namespace: it is no directory",
            shown(directory)
        ))),
        Err(errno) => Err(unusable(directory, errno)),
    }
}

/// The namespace there, and where there is none, the objects of those who have none.
pub(crate) fn snapshot(location: Option<Location>, extent: Extent) -> Result<Snapshot, Failure> {
    snapshot_by(location, extent, &Scan::of_all())
}

/// The same by a look at all processes that is there already.
pub(super) fn snapshot_by(
    location: Option<Location>,
    extent: Extent,
    scan: &Scan,
) -> Result<Snapshot, Failure> {
    let namespace = location.as_ref().map(open).transpose()?.flatten();
    let shm = objects_of(location.as_ref());
    let objects = objects::read(&shm, scan)
        .map_err(|why| Failure::io(format_args!("cannot list {}", shown(&shm)), why))?;
    let members = namespace
        .as_ref()
        .map(|namespace| Members::new(namespace, scan));
    Ok(Snapshot {
        directory: location.map(|location| location.directory),
        limits: namespace.as_ref().map(limits),
        segments: members
            .map(|members| members.segments())
            .unwrap_or_default(),
        objects,
        nameless: scan.nameless(match extent {
            Extent::All => Wanted::All { ipc: 0 },
            Extent::Namespace => Wanted::Of {
                directory: &shm,
                whole: shm == Path::new(DEFAULT_OBJECTS),
            },
        }),
        unseen_processes: scan.unseen,
        lists_all: process::all_are_listed(),
    })
}

/// A directory that has files of something else and no registry is no namespace.
pub(crate) fn refuse_strangers(directory: &Path) -> Result<(), Failure> {
    if directory.join("registry").exists() {
        return Ok(());
    }
    match stranger_in(directory) {
        None => Ok(()),
        Some(stranger) => Err(Failure::new(format_args!(
            "{} is no namespace: it has no registry, and {stranger} in it is of something else",
            shown(directory)
        ))
        .advise("name the directory of a namespace, or one that is empty")),
    }
}

/// A file that no namespace has.
fn stranger_in(directory: &Path) -> Option<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut strangers = names.filter(|name| !is_bookkeeping(name));
    strangers.next().map(|name| escaped(name.as_bytes()))
}

/// Whether a namespace has files of this name.
pub(crate) fn is_bookkeeping(name: &OsStr) -> bool {
    let exact = ["registry", "posix", STARTER, KEPT];
    let beginnings = ["registry.", "segment-", "members-"];
    let name = name.to_string_lossy();
    exact.contains(&&*name) || beginnings.iter().any(|start| name.starts_with(start))
}

/// What a segment's file has in its name as long as the segment lives, `segment-NUMBER-ID`. The size behind it is there or
/// not by the directory's mode, which somebody may have changed since.
pub(crate) fn segment_of(path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let parts: Vec<&[u8]> = name.split(|byte| *byte == b'-').take(3).collect();
    parts.join(&b'-')
}

/// Limits and segments alone, without a look at any process; `None` where there are none.
pub(crate) fn table(location: &Location) -> Result<Option<(Limits, Vec<Segment>)>, Failure> {
    let scan = Scan::default();
    let namespace = open(location)?;
    Ok(namespace.map(|namespace| {
        let segments = Members::new(&namespace, &scan).segments();
        (limits(&namespace), segments)
    }))
}

/// As the library chooses: a named namespace has objects of its own; else they are where the C
/// library has them, if that place is there.
fn objects_of(location: Option<&Location>) -> PathBuf {
    let default = PathBuf::from(DEFAULT_OBJECTS);
    let shared = std::env::var_os("PARTAGE_POSIX").is_some_and(|value| value == "shared");
    match location {
        Some(Location { directory, named }) if (*named && !shared) || !default.exists() => {
            directory.join("posix")
        }
        _ => default,
    }
}

fn unusable(directory: &Path, errno: Errno) -> Failure {
    let shown = shown(directory);
    match errno {
        Errno::ENOENT => Failure::new(format_args!("there is no namespace {shown}"))
            .advise("programs make it when they run there, or `partage init` does"),
        Errno::EUCLEAN => Failure::new(format_args!("the registry in {shown} is damaged")).advise(
            "nothing of it can be read any more: end the programs that use it, then `partage destroy` it",
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

/// The processes of a namespace, found among those that can be seen.
struct Members<'a> {
    namespace: &'a Namespace,
    scan: &'a Scan,
    /// Every member has it mapped.
    registry: Option<FileId>,
}

impl<'a> Members<'a> {
    fn new(namespace: &'a Namespace, scan: &'a Scan) -> Self {
        let directory = Path::new(OsStr::from_bytes(namespace.directory()));
        let registry = fs::metadata(directory.join("registry")).ok();
        Self {
            namespace,
            scan,
            registry: registry.map(|data| FileId::of(&data)),
        }
    }

    fn segments(&self) -> Vec<Segment> {
        let mut segments = Vec::new();
        self.namespace.each_slot(|_, segment| {
            if !matches!(segment.state, State::Live | State::Removed) {
                return;
            }
            let described = self.describe(segment);
            // One that was removed is gone with its last attachment, whenever its memory is given back.
            if segment.state == State::Live || described.nattch > 0 {
                segments.push(described);
            }
        });
        segments
    }

    fn describe(&self, segment: &inspect::Segment) -> Segment {
        let path = |path: &[u8]| PathBuf::from(OsStr::from_bytes(path));
        let file = self.namespace.with_memory(segment, path);
        let memory = fs::metadata(&file).ok().map(|data| FileId::of(&data));
        let mut attached = self.attachments(segment.shmid, memory);
        // Counted here: the same attachments that are listed.
        let nattch = attached
            .iter()
            .map(|attachment| u64::from(attachment.mappings))
            .sum();
        let hidden = attached
            .iter()
            .filter(|attachment| attachment.pid.is_none());
        let unseen = hidden
            .map(|attachment| u64::from(attachment.mappings))
            .sum();
        attached.extend(memory.into_iter().flat_map(|file| self.scan.openers(file)));
        let stamps = self.namespace.stamps(segment);
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
            resident: Some(self.namespace.resident_bytes(segment)),
            nattch,
            atime: stamps.atime,
            dtime: stamps.dtime,
            ctime: segment.ctime,
            cpid: segment.cpid,
            lpid: stamps.lpid,
            creator: self.member(segment.cpid, segment.ctime),
            last_user: self.member(stamps.lpid, stamps.atime.max(stamps.dtime)),
            file: Some(file),
            attached,
            unseen,
        }
    }

    /// Those of living members.
    fn attachments(&self, shmid: u32, memory: Option<FileId>) -> Vec<Attachment> {
        let mut attached = Vec::new();
        let mut taken = HashSet::new();
        self.namespace.each_attachment(shmid, |attachment| {
            if !attachment.alive {
                return;
            }
            let holder = nobody(&attachment);
            let place = attachment.address as u64;
            let found = self.process_of(attachment.pid, place, memory, &taken);
            attached.push(match found {
                Some(pid) => {
                    taken.insert((pid, place));
                    self.scan.name(pid, holder)
                }
                None => holder,
            });
        });
        attached.sort_by_key(|attachment| (attachment.pid, attachment.address));
        attached
    }

    /// The process that numbers itself `pid` and has the segment mapped there. The registry alone
    /// does not tell: in another pid namespace, another process has that number.
    fn process_of(
        &self,
        pid: i32,
        address: u64,
        memory: Option<FileId>,
        taken: &HashSet<(i32, u64)>,
    ) -> Option<i32> {
        [memory, self.registry]
            .into_iter()
            .flatten()
            .find_map(|file| {
                let mut candidates = self.scan.candidates(file, pid, address).into_iter();
                candidates.find(|candidate| !taken.contains(&(*candidate, address)))
            })
    }

    /// The member that a segment names as its creator or last user, if it still is one.
    fn member(&self, pid: i32, moment: i64) -> Option<Process> {
        let registry = self.registry.filter(|_| pid > 0)?;
        self.scan.the_one(registry, pid, moment)
    }
}

/// An attachment of which only the registry tells.
fn nobody(attachment: &inspect::AttachmentView) -> Attachment {
    Attachment {
        pid: None,
        // As its process numbers itself.
        inner_pid: (attachment.pid != 0).then_some(attachment.pid),
        container: None,
        namespaces: BTreeMap::new(),
        command: String::new(),
        address: attachment.address as u64,
        descriptor: None,
        locked: false,
        private: false,
        since: Some(attachment.since),
        read_only: attachment.read_only,
        mappings: attachment.mappings,
    }
}
