//! POSIX objects: regular files of one directory.

use super::maps::{self, FileId};
use crate::model::{Object, Owner};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The objects in `directory`; none when it does not exist.
pub(super) fn read(directory: &Path) -> io::Result<Vec<Object>> {
    let entries = match fs::read_dir(directory) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut objects: Vec<(FileId, Object)> = entries.flatten().filter_map(describe).collect();
    objects.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let mut mappings = maps::shared_mappings(|_| true);
    let objects = objects.into_iter().map(|(file, object)| Object {
        attached: mappings.remove(&file).unwrap_or_default(),
        ..object
    });
    Ok(objects.collect())
}

/// An entry that shm_open would open: a regular file, neither a link nor a directory.
fn describe(entry: fs::DirEntry) -> Option<(FileId, Object)> {
    let file = entry.path();
    let data = fs::symlink_metadata(&file)
        .ok()
        .filter(fs::Metadata::is_file)?;
    let object = Object {
        name: format!("/{}", entry.file_name().to_string_lossy()),
        owner: Owner {
            uid: data.uid(),
            gid: data.gid(),
        },
        mode: data.mode() & 0o7777,
        size: data.len(),
        resident: data.blocks() * 512,
        mtime: data.mtime(),
        file,
        attached: Vec::new(),
    };
    Some((
        FileId {
            device: data.dev(),
            inode: data.ino(),
        },
        object,
    ))
}
