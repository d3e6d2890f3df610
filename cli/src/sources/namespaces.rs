//! All namespaces of the machine: those in the usual places, and those that a process has mapped.

use super::Extent;
use super::holders::{FileId, Scan};
use super::process;
use super::user::{self, Location};
use crate::model::Snapshot;
use nix::unistd::Uid;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A namespace, as far as it is open to this user.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    #[serde(serialize_with = "crate::name::path")]
    pub(crate) directory: PathBuf,
    pub(crate) uid: u32,
    pub(crate) state: State,
    /// Processes that use it; `None` where that cannot be seen, as the next.
    pub(crate) members: Option<usize>,
    pub(crate) contents: Option<Snapshot>,
}

/// Whether somebody uses a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Used,
    /// Nobody, and there is something in it.
    Leftover,
    /// Nobody, and there is nothing in it.
    Empty,
    /// It is another user's, or cannot be read.
    Closed,
}

/// Every namespace that can be found, each once.
pub(crate) fn all() -> Vec<Found> {
    let scan = Scan::of_all();
    let mut directories = usual();
    for (file, (path, pid)) in &scan.registries {
        directories.extend(place_of(*file, path, *pid));
    }
    let mut seen = HashSet::new();
    let registry = |directory: &PathBuf| fs::metadata(directory.join("registry")).ok();
    directories
        .retain(|directory| registry(directory).is_some_and(|data| seen.insert(FileId::of(&data))));
    directories
        .into_iter()
        .filter_map(|directory| look(directory, &scan))
        .collect()
}

/// Where the registry at `path` is for a process, as it is reached from here: in another mount
/// namespace, through the process's root.
fn place_of(file: FileId, path: &Path, pid: i32) -> Option<PathBuf> {
    let directory = path.parent()?;
    let is_here = fs::metadata(path).is_ok_and(|data| FileId::of(&data) == file);
    let who = process::teller(pid)?;
    if is_here || !process::foreign_namespaces(&who).contains_key("mnt") {
        return Some(directory.to_owned());
    }
    let below = directory.strip_prefix("/").ok()?;
    Some(Path::new(&format!("/proc/{who}/root")).join(below))
}

/// The owners of namespaces in the usual places that are not this user's.
pub(crate) fn others() -> Vec<u32> {
    let me = Uid::effective().as_raw();
    let owners = usual()
        .into_iter()
        .filter_map(|directory| owner(&directory));
    owners.filter(|owner| *owner != me && *owner != 0).collect()
}

/// The directories with a registry, where programs look and private runs are made.
fn usual() -> BTreeSet<PathBuf> {
    let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
    let parents = ["/dev/shm", "/tmp"].map(PathBuf::from);
    let entries = parents
        .into_iter()
        .chain(temporary)
        .filter_map(|parent| fs::read_dir(parent).ok());
    let entries = entries.flatten().flatten();
    let named = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name == "partage" || name.starts_with("partage-")
    });
    let runtime = fs::read_dir("/run/user").into_iter().flatten().flatten();
    let runtime = runtime.map(|entry| entry.path().join("partage"));
    let directories = named.map(|entry| entry.path()).chain(runtime);
    directories
        .filter(|directory| owner(directory).is_some())
        .collect()
}

/// Whose it is, if it is a directory with a registry.
fn owner(directory: &Path) -> Option<u32> {
    let data = fs::symlink_metadata(directory)
        .ok()
        .filter(fs::Metadata::is_dir)?;
    let registry = fs::symlink_metadata(directory.join("registry")).ok()?;
    registry.is_file().then_some(data.uid())
}

fn look(directory: PathBuf, scan: &Scan) -> Option<Found> {
    let uid = owner(&directory)?;
    let location = Location {
        directory: directory.clone(),
        named: true,
    };
    let closed = Found {
        directory,
        uid,
        state: State::Closed,
        members: None,
        contents: None,
    };
    let Ok(Some(namespace)) = user::open(&location) else {
        return Some(closed);
    };
    let mut members = 0;
    namespace.each_member(|_| members += 1);
    let Ok(contents) = user::snapshot_by(Some(location), Extent::Namespace, scan) else {
        return Some(closed);
    };
    let holds_something = !contents.segments.is_empty() || !contents.objects.is_empty();
    Some(Found {
        state: match (members, holds_something) {
            (0, true) => State::Leftover,
            (0, false) => State::Empty,
            _ => State::Used,
        },
        members: Some(members),
        contents: Some(contents),
        ..closed
    })
}
