//! What the system holds before a run and when it is over.

use super::{namespaces, outside};
use crate::failure::Failure;
use crate::model::{self, Snapshot};
use crate::output::format;
use crate::sources::{self, Extent};
use partage_report::afterwards::{Afterwards, Death, Object, Room, Segment};
use partage_report::name_text;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const DEV_SHM: &str = "/dev/shm";
/// Objects can lie in directories; so deep they are looked for.
const DEPTH: usize = 4;

/// Where the run's objects and segments are.
pub(crate) struct System {
    /// The namespace that was named, if one was.
    directory: Option<PathBuf>,
    /// Whether segments may be the kernel's.
    kernel: bool,
}

/// What was there before the run.
pub(crate) struct Before {
    /// When that was, in seconds since the epoch.
    time: i64,
    segments: BTreeSet<Id>,
    files: BTreeSet<(String, u64, u64)>,
}

/// What tells a segment from others: whether it is the kernel's, and its id.
type Id = (bool, i32);

fn id(segment: &model::Segment) -> Id {
    (segment.file.is_none(), segment.id)
}

impl System {
    /// What answers a program that is started as it is: the kernel; or partage, if the environment preloads it, or if it, or
    /// what it starts, is linked with it.
    pub(crate) fn either() -> Self {
        Self {
            directory: None,
            kernel: true,
        }
    }

    /// A namespace of partage: this one, or that of the user.
    pub(crate) fn namespace(directory: Option<&Path>) -> Self {
        Self {
            directory: directory.map(Path::to_path_buf),
            kernel: false,
        }
    }

    fn snapshot(&self) -> Result<Snapshot, Failure> {
        let user = || {
            let location = sources::locate(self.directory.as_deref())?;
            sources::user_snapshot(location, Extent::Namespace)
        };
        if !self.kernel {
            return user();
        }
        let kernel = sources::kernel_snapshot(Extent::Namespace);
        // Where there is none, or it cannot be read, the kernel alone answers.
        let Ok(Some(location)) = sources::locate(None) else {
            return kernel;
        };
        let Ok(mut all) = kernel else {
            return user();
        };
        match location.named {
            // It has objects of its own.
            true => {
                if let Ok(own) = user() {
                    all.segments.extend(own.segments);
                    all.objects.extend(own.objects);
                }
            }
            false => {
                let table = sources::user_table(&location).ok().flatten();
                all.segments.extend(table.into_iter().flat_map(|it| it.1));
            }
        }
        Ok(all)
    }

    /// The directories of POSIX objects. Named semaphores are in the first whatever serves the rest.
    fn directories(&self) -> Vec<PathBuf> {
        let variable = || std::env::var_os("PARTAGE_DIR").filter(|value| !value.is_empty());
        let of_environment = self.kernel.then(variable).flatten().map(PathBuf::from);
        let own = self.directory.clone().or(of_environment);
        let own = own.map(|directory| directory.join("posix"));
        [PathBuf::from(DEV_SHM)].into_iter().chain(own).collect()
    }

    fn files(&self) -> BTreeMap<String, fs::Metadata> {
        let mut files = BTreeMap::new();
        for directory in self.directories() {
            list(&directory, "", DEPTH, &mut files);
        }
        files
    }

    /// Looks, before the run.
    pub(crate) fn before(&self) -> Before {
        let time = format::now();
        let segments = self.snapshot().map(|snapshot| snapshot.segments);
        Before {
            time,
            segments: segments.unwrap_or_default().iter().map(id).collect(),
            files: self
                .files()
                .into_iter()
                .map(|(name, data)| (name, data.dev(), data.ino()))
                .collect(),
        }
    }

    /// Looks, when the run is over.
    pub(crate) fn afterwards(
        &self,
        before: &Before,
        deaths: Vec<Death>,
        recording: &Path,
    ) -> Result<Afterwards, Failure> {
        let time = outside::monotonic();
        // What is made meanwhile by others would have no holders; what is removed meanwhile is none any more.
        let files = self.files();
        let snapshot = self.snapshot()?;
        let left = self.files();
        let is_left = |(name, data): &(String, fs::Metadata)| {
            left.get(name)
                .is_some_and(|left| (left.dev(), left.ino()) == (data.dev(), data.ino()))
        };
        let files = files.into_iter().filter(is_left);
        let mut holders: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for object in snapshot.objects {
            let name = name_text(object.name.bytes());
            holders.entry(name).or_default().extend(holders_of(&object));
        }
        let segments = snapshot.segments.iter();
        let segments = segments.filter(|segment| !segment.is_removed());
        let segments = segments.map(|segment| Segment {
            shmid: segment.id,
            key: segment.key,
            size: segment.size,
            cpid: segment.cpid as u32,
            new: !before.segments.contains(&id(segment)),
        });
        let objects = files.map(|(name, data)| Object {
            size: data.len(),
            uid: data.uid(),
            new: !before
                .files
                .contains(&(name.clone(), data.dev(), data.ino())),
            holders: holders.remove(&name).unwrap_or_default(),
            name,
        });
        let (mut segments, mut objects): (Vec<_>, Vec<_>) = (segments.collect(), objects.collect());
        for directory in namespaces::noted(recording) {
            add(&directory, before.time, &mut segments, &mut objects);
        }
        Ok(Afterwards {
            time,
            segments,
            objects,
            room: self.room(),
            ipc_namespaces: ipc_namespaces(),
            deaths,
        })
    }

    /// The file system of POSIX objects.
    fn room(&self) -> Option<Room> {
        let directory = match self.kernel {
            true => PathBuf::from(DEV_SHM),
            false => self.directories().pop()?,
        };
        let data = nix::sys::statvfs::statvfs(&directory).ok()?;
        Some(Room {
            total: data.blocks() * data.fragment_size(),
            free: data.blocks_free() * data.fragment_size(),
        })
    }
}

/// Adds what is in a namespace that a recorded program has named. Nobody looked there before the run: what has been made
/// since `start` is new.
fn add(directory: &Path, start: i64, segments: &mut Vec<Segment>, objects: &mut Vec<Object>) {
    let location = sources::locate(Some(directory));
    let Ok(snapshot) = location.and_then(|it| sources::user_snapshot(it, Extent::Namespace)) else {
        return;
    };
    let living = snapshot.segments.iter().filter(|one| !one.is_removed());
    segments.extend(living.map(|segment| Segment {
        shmid: segment.id,
        key: segment.key,
        size: segment.size,
        cpid: segment.cpid as u32,
        new: segment.ctime >= start,
    }));
    objects.extend(snapshot.objects.iter().map(|object| Object {
        name: name_text(object.name.bytes()),
        size: object.size,
        uid: object.owner.uid,
        new: fs::metadata(&object.file).is_ok_and(|data| is_since(&data, start)),
        holders: holders_of(object),
    }));
}

fn is_since(data: &fs::Metadata, start: i64) -> bool {
    let made = data.created().ok();
    let made = made.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    made.is_some_and(|made| made.as_secs().cast_signed() >= start)
}

fn holders_of(object: &model::Object) -> Vec<u32> {
    let pids = object.attached.iter().filter_map(|hold| hold.pid);
    pids.map(|pid| pid as u32).collect()
}

/// The IPC namespaces that processes are in, or that are kept by a mount, as far as the user may know.
fn ipc_namespaces() -> Vec<u64> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let links = processes.filter_map(|entry| fs::read_link(entry.path().join("ns/ipc")).ok());
    let mut found: BTreeSet<u64> = links.filter_map(|link| ipc_inode(link.to_str()?)).collect();
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = String::from_utf8_lossy(&mounts);
    found.extend(mounts.split_whitespace().filter_map(ipc_inode));
    found.into_iter().collect()
}

/// The number in `ipc:[4026531839]`.
fn ipc_inode(link: &str) -> Option<u64> {
    let digits = link.strip_prefix("ipc:[")?.strip_suffix(']')?;
    digits.parse().ok()
}

/// The IPC namespace of a process, by its inode.
pub(crate) fn ipc_namespace(process: &str) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{process}/ns/ipc")).ok()?;
    ipc_inode(link.to_str()?)
}

/// The regular files below a directory, by their names as objects. The directories of namespaces hold no objects.
fn list(directory: &Path, prefix: &str, depth: usize, files: &mut BTreeMap<String, fs::Metadata>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = format!("{prefix}/{}", name_text(entry.file_name().as_bytes()));
        match fs::symlink_metadata(entry.path()) {
            Ok(data) if data.is_file() => drop(files.insert(name, data)),
            Ok(data) if data.is_dir() && depth > 0 && !is_namespace(&entry.path()) => {
                list(&entry.path(), &name, depth - 1, files);
            }
            _ => {}
        }
    }
}

/// Whether a directory is a namespace of partage, or one that is just being made.
fn is_namespace(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("partage") || directory.join("registry").exists()
}
