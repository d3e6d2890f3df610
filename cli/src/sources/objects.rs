//! POSIX objects: regular files of one directory.

use super::holders::{FileId, Scan, is_open_anywhere};
use super::leftovers;
use crate::model::{Object, Owner};
use crate::name::Name;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where the C library has them. This may be a link that the system has made.
const DEFAULT: &str = "/dev/shm";

/// The objects in `directory`; none when it does not exist, or is a link that somebody has put in a namespace: the
/// library opens nothing behind such a link, and root's files are no objects of a user's.
pub(super) fn read(directory: &Path, scan: &Scan) -> io::Result<Vec<Object>> {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink());
    if directory != Path::new(DEFAULT) && is_link(directory) {
        return Ok(Vec::new());
    }
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

/// Takes an object's name away.
pub(crate) fn remove(object: &Object) -> io::Result<()> {
    let (directory, name) = place_of(&object.file)?;
    Ok(unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir)?)
}

/// Opens an object's file, as open(2) with these flags.
pub(crate) fn open(object: &Object, flags: OFlag) -> io::Result<fs::File> {
    let (directory, name) = place_of(&object.file)?;
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(&directory, name, flags, Mode::empty())?.into())
}

/// The directory of an object, held by a descriptor, and the name in it: a user may put a link in its place after it was
/// looked at.
fn place_of(file: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let (directory, name) = file.parent().zip(file.file_name()).ok_or_else(missing)?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let none = Mode::empty();
    if directory == Path::new(DEFAULT) {
        return Ok((nix::fcntl::open(directory, flags, none)?, name));
    }
    let (namespace, posix) = directory
        .parent()
        .zip(directory.file_name())
        .ok_or_else(missing)?;
    let flags = flags | OFlag::O_NOFOLLOW;
    let namespace = nix::fcntl::open(namespace, flags, none)?;
    Ok((openat(&namespace, posix, flags, none)?, name))
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
    let object = Object {
        name_bytes: name.bytes_of_no_text(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// However late the link comes.
    #[test]
    fn links_in_place_of_directories_lead_nowhere() {
        let root = std::env::temp_dir().join(format!("partage-objects-{}", std::process::id()));
        let (victim, namespace) = (root.join("victim"), root.join("namespace"));
        for directory in [&victim, &namespace, &root.join("real/posix")] {
            fs::create_dir_all(directory).unwrap();
        }
        symlink(&victim, namespace.join("posix")).unwrap();
        symlink(root.join("real"), root.join("link")).unwrap();
        let led = |directory: &str| place_of(&root.join(directory).join("posix/name")).is_ok();
        let led = (led("real"), led("namespace"), led("link"));
        fs::remove_dir_all(root).unwrap();
        assert_eq!(led, (true, false, false));
    }
}
