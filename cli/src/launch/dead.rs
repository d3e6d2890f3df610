//! Private namespaces and temporary recordings whose run was killed together with everybody who would have cleaned up.

use super::private::{KEPT, PREFIX, RECORDING, STARTER, parents, remove_namespace, take_lock};
use nix::unistd::Uid;
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run writes its `starter` file right after making the directory: one that has none for so
/// long will never have it.
const HALF_MADE: Duration = Duration::from_secs(60);

/// A private namespace, or a recording, that nobody looks after any more.
#[derive(Serialize)]
pub(crate) struct DeadRun {
    /// The directory.
    #[serde(rename = "directory", serialize_with = "crate::name::path")]
    pub(crate) path: PathBuf,
    /// Whether it is a recording.
    pub(crate) recording: bool,
    /// Bytes of memory in its files.
    pub(crate) resident: u64,
}

/// This user's dead runs, and whose others can be seen to be dead.
pub(crate) fn dead_runs() -> (Vec<DeadRun>, Vec<u32>) {
    let me = Uid::effective().as_raw();
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for (path, owner) in runs() {
        match is_dead(&path) {
            Ok(true) if owner == me => own.push(DeadRun {
                resident: resident_in(&path),
                recording: is_recording(&path),
                path,
            }),
            Ok(true) => others.push(owner),
            _ => {}
        }
    }
    (own, others)
}

/// The directories of runs, and their owners.
fn runs() -> Vec<(PathBuf, u32)> {
    let entries = parents()
        .into_iter()
        .filter_map(|parent| fs::read_dir(parent).ok());
    let paths = entries.flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(PREFIX) || name.starts_with(RECORDING)
    });
    let directories = paths.filter_map(|entry| {
        let data = fs::symlink_metadata(entry.path()).ok()?;
        data.is_dir().then(|| (entry.path(), data.uid()))
    });
    directories.collect()
}

fn is_recording(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with(RECORDING)
}

impl DeadRun {
    /// Removes the directory, if it is still dead.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match is_dead(&self.path)? {
            true => remove_namespace(&self.path),
            false => Ok(()),
        }
    }
}

/// Whether the lock of `starter` is free. Once free it stays so: only the run itself takes it,
/// before anybody can find the file.
fn is_dead(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW);
    match options.open(path.join(STARTER)) {
        Ok(file) => take_lock(&file),
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            // A recording that somebody keeps may have such a name.
            let kept = path.join(KEPT).exists()
                || is_recording(path) && fs::read_dir(path)?.next().is_some();
            if kept {
                return Ok(false);
            }
            let age = fs::symlink_metadata(path)?
                .modified()?
                .elapsed()
                .unwrap_or_default();
            Ok(age > HALF_MADE)
        }
        Err(why) => Err(why),
    }
}

fn resident_in(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        fs::symlink_metadata(entry.path())
            .ok()
            .map(|data| (entry, data))
    });
    sizes
        .map(|(entry, data)| match data.is_dir() {
            true => resident_in(&entry.path()),
            false => data.blocks() * 512,
        })
        .sum()
}
