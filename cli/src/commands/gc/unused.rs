//! The bookkeeping of a namespace that nobody uses and that holds nothing, given back.

use crate::failure::Failure;
use crate::name::shown;
use crate::sources::{self, Location};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes that the bookkeeping has, or would have, if it can be given back. The directory stays, with
/// the mode and the owner that somebody may have chosen for it.
pub(super) fn give_back(location: &Location, dry_run: bool) -> Result<Option<u64>, Failure> {
    let directory = &location.directory;
    let registry = directory.join("registry");
    if !is_unused(location)? || sources::is_file_open(&registry) != Some(false) {
        return Ok(None);
    }
    let files = bookkeeping(directory);
    let bytes = files
        .iter()
        .chain([&registry])
        .map(|file| resident(file))
        .sum();
    if dry_run {
        return Ok(Some(bytes));
    }
    let taken = take_away(&registry)
        .map_err(|why| Failure::io(format_args!("cannot give back {}", shown(&registry)), why))?;
    if !taken {
        return Ok(None);
    }
    for file in files {
        // Somebody else may have been faster.
        let _ = fs::remove_file(file);
    }
    Ok(Some(bytes))
}

/// Neither members nor segments nor objects.
fn is_unused(location: &Location) -> Result<bool, Failure> {
    let Some(namespace) = sources::open(location)? else {
        return Ok(false);
    };
    let mut members = 0;
    namespace.each_member(|_| members += 1);
    let mut slots = 0;
    namespace.each_slot(|_, _| slots += 1);
    let objects = fs::read_dir(location.directory.join("posix"));
    Ok(members == 0 && slots == 0 && objects.into_iter().flatten().next().is_none())
}

/// Files of the registry that is there now: those of a later one have other names.
fn bookkeeping(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let members = entries.filter(|entry| entry.file_name().as_bytes().starts_with(b"members-"));
    members.map(|entry| entry.path()).collect()
}

fn resident(file: &Path) -> u64 {
    fs::symlink_metadata(file).map_or(0, |data| data.blocks() * 512)
}

/// Takes the registry's name away, so that whoever comes makes another, and then asks again whether
/// nobody has it: who came in between gets it back.
fn take_away(registry: &Path) -> io::Result<bool> {
    let aside = registry.with_extension(format!("unused-{}", std::process::id()));
    fs::rename(registry, &aside)?;
    if sources::is_file_open(&aside) == Some(false) {
        fs::remove_file(&aside)?;
        return Ok(true);
    }
    rename_back(&aside, registry)?;
    Ok(false)
}

/// Never over one that was made meanwhile.
fn rename_back(from: &Path, to: &Path) -> io::Result<()> {
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    let (from, to) = (name(from), name(to));
    // SAFETY: two C strings that live as long as the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
