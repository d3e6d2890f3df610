//! POSIX objects: regular files of one directory.

use super::holders::{FileId, Scan, is_open_anywhere};
use super::leftovers;
use crate::model::{Object, Owner};
use crate::name::Name;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The objects in `directory`; none when it does not exist.
pub(super) fn read(directory: &Path, scan: &Scan) -> io::Result<Vec<Object>> {
    let entries = match fs::read_dir(directory) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let described = entries.flatten().filter_map(describe);
    let mut objects: Vec<Object> = described
        .map(|(file, object)| with_holders(file, object, scan))
        .collect();
    objects.sort_by(|one, other| one.name.cmp(&other.name));
    leftovers::name_messages(&mut objects);
    Ok(objects)
}

/// Where no process is seen to hold it, the kernel is asked whether anybody does.
fn with_holders(file: FileId, object: Object, scan: &Scan) -> Object {
    let attached = scan.holders(file);
    let unseen = match attached.is_empty() {
        false => Some(0),
        true => match is_open_anywhere(&object.file, file) {
            Some(open) => Some(open.into()),
            None if scan.sees_all() => Some(0),
            None => None,
        },
    };
    Object {
        attached,
        unseen,
        ..object
    }
}

/// Whether somebody has opened the object since it was looked at; no when that cannot be told.
pub(crate) fn is_open_now(object: &Object) -> bool {
    is_file_open(&object.file) == Some(true)
}

/// Whether anybody has a file open or mapped; `None` when that cannot be told.
pub(crate) fn is_file_open(path: &Path) -> Option<bool> {
    let data = fs::symlink_metadata(path).ok()?;
    is_open_anywhere(path, FileId::of(&data))
}

/// An entry that shm_open would open: a regular file, neither a link nor a directory.
fn describe(entry: fs::DirEntry) -> Option<(FileId, Object)> {
    let file = entry.path();
    let data = fs::symlink_metadata(&file)
        .ok()
        .filter(fs::Metadata::is_file)?;
    let name = Name::of_file(&entry.file_name());
    let is_text = std::str::from_utf8(name.bytes()).is_ok();
    let object = Object {
        name_bytes: (!is_text).then(|| name.bytes().to_vec()),
        kind: leftovers::kind_of(entry.file_name().as_bytes()),
        name,
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
        unseen: None,
    };
    Some((FileId::of(&data), object))
}
