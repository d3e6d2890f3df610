//! The program to run: where it is, and whether a preload can reach it.

use super::Library;
use super::elf::{self, Kind};
use crate::failure::{Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::name::shown;
use nix::unistd::{AccessFlags, Gid, Uid, access};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program that exists and may be executed.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name as given and the arguments; never empty.
    pub(crate) words: Vec<CString>,
    /// The file that will be executed.
    path: PathBuf,
}

/// Programs of containers that are mostly linked statically, and end in an exec or wait for one child.
const LAUNCHERS: &[&str] = &[
    "gosu",
    "su-exec",
    "tini",
    "tini-static",
    "docker-init",
    "dumb-init",
    "catatonit",
    "pid1",
    "setpriv",
    "chpst",
    "s6-svscan",
    "s6-setuidgid",
    "s6-overlay-suexec",
    "execlineb",
];

/// Scripts may name scripts as their interpreters; the kernel follows about this many.
const SCRIPT_DEPTH: usize = 4;

impl Program {
    /// Looks for the program as execvp(3) does.
    pub(crate) fn find(words: &[OsString]) -> Result<Self, Failure> {
        let name = words.first().cloned().unwrap_or_default();
        let path = search(&name)?;
        let words = words.iter().map(|word| CString::new(word.as_bytes()));
        let words = words.collect::<Result<Vec<_>, _>>();
        let words = words.map_err(|_| Failure::new("an argument holds a zero byte"))?;
        Ok(Self { words, path })
    }

    /// The file that will be executed.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is statically linked, itself or the interpreter of the script that it is, and gains no privileges.
    pub(crate) fn is_static(&self) -> bool {
        is_static(&self.path, SCRIPT_DEPTH)
    }

    /// Whether it does nothing itself but start another.
    fn is_launcher(&self) -> bool {
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        [&self.path, &path].into_iter().any(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            LAUNCHERS.contains(&&*name)
        })
    }

    /// Refuses a program that the dynamic linker would start without our preload, with the
    /// reason. `unprivileged` is whether set-uid bits will be ignored for it.
    pub(crate) fn check_reach(&self, library: &Library, unprivileged: bool) -> Result<(), Failure> {
        let obstacle = obstacle(&self.path, library, unprivileged, SCRIPT_DEPTH);
        if obstacle.is_some() && self.is_static() && self.is_launcher() {
            anstream::eprintln!(
                "partage: warning: {} is statically linked: the library does not reach it, only \
                 what it starts",
                shown(&self.path)
            );
            return Ok(());
        }
        match obstacle {
            Some((why, advice)) => Err(Failure::new(format_args!(
                "the library would not reach {}: {why}",
                shown(&self.path)
            ))
            .advise(format_args!("{advice}; `--force` runs it all the same"))),
            None => Ok(()),
        }
    }
}

fn search(name: &OsStr) -> Result<PathBuf, Failure> {
    let shown = crate::name::escaped(name.as_encoded_bytes());
    if name.as_bytes().contains(&b'/') {
        return executable(PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut found_unusable = None;
    for directory in std::env::split_paths(&path) {
        match executable(directory.join(name)) {
            Ok(path) => return Ok(path),
            Err(failure) if failure.status() == NOT_EXECUTABLE => found_unusable = Some(failure),
            Err(_) => {}
        }
    }
    let missing = || Failure::new(format_args!("{shown}: command not found"));
    Err(found_unusable.unwrap_or_else(|| missing().with_status(NOT_FOUND)))
}

fn executable(path: PathBuf) -> Result<PathBuf, Failure> {
    let refused = |why: nix::errno::Errno, status| {
        Err(Failure::io(format_args!("cannot execute {}", shown(&path)), why).with_status(status))
    };
    match std::fs::metadata(&path) {
        Ok(data) if !data.is_file() => refused(nix::errno::Errno::EACCES, NOT_EXECUTABLE),
        Ok(_) => match access(&path, AccessFlags::X_OK) {
            Ok(()) => Ok(path),
            Err(why) => refused(why, NOT_EXECUTABLE),
        },
        Err(why) => {
            let errno = why.raw_os_error().map(nix::errno::Errno::from_raw);
            match errno.unwrap_or(nix::errno::Errno::EIO) {
                why @ (nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR) => {
                    refused(why, NOT_FOUND)
                }
                why => refused(why, NOT_EXECUTABLE),
            }
        }
    }
}

fn is_static(path: &Path, depth: usize) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(elf::HEAD).read_to_end(&mut head));
    if read.is_err() {
        return false;
    }
    match script_interpreter(&head) {
        Some(interpreter) => depth > 0 && is_static(&interpreter, depth - 1),
        None => elf::inspect(&head) == Some(Kind::Static) && gains_privileges(path).is_none(),
    }
}

/// Why a preload does not reach the program at `path`, and what to do; `None` if it does, or if
/// the file cannot be read, when only trying can tell.
fn obstacle(
    path: &Path,
    library: &Library,
    unprivileged: bool,
    depth: usize,
) -> Option<(String, &'static str)> {
    let mut head = Vec::new();
    File::open(path)
        .ok()?
        .take(elf::HEAD)
        .read_to_end(&mut head)
        .ok()?;
    if let Some(interpreter) = script_interpreter(&head) {
        // Set-uid bits of a script have no effect; its interpreter's do.
        return match depth.checked_sub(1) {
            Some(depth) => obstacle(&interpreter, library, unprivileged, depth),
            None => None,
        };
    }
    if !unprivileged && let Some(why) = gains_privileges(path) {
        return Some((
            why,
            "run it from an account where it gains nothing, or link it",
        ));
    }
    match elf::inspect(&head)? {
        Kind::Static => Some((
            "it is statically linked, and only the dynamic linker preloads".to_owned(),
            "link it with libpartage.a instead",
        )),
        Kind::Dynamic(machine) => {
            let ours = elf::machine_of(&library.path)?;
            let different = "it is made for another kind of processor than the library".to_owned();
            (machine != ours).then_some((different, "build the library for that kind as well"))
        }
    }
}

/// The interpreter of a `#!` script.
fn script_interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let words = line.split(|byte| byte.is_ascii_whitespace());
    let first = words.into_iter().find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsString::from_vec(first.to_vec())))
}

/// Whether executing `path` would change ids or capabilities, which makes the dynamic linker
/// ignore LD_PRELOAD (AT_SECURE).
fn gains_privileges(path: &Path) -> Option<String> {
    let data = std::fs::metadata(path).ok()?;
    let set_uid = data.mode() & libc::S_ISUID != 0 && data.uid() != Uid::current().as_raw();
    let group_executable = data.mode() & libc::S_IXGRP != 0;
    let set_gid = data.mode() & libc::S_ISGID != 0
        && group_executable
        && data.gid() != Gid::current().as_raw();
    let kind = if set_uid {
        "set-uid"
    } else if set_gid {
        "set-gid"
    } else if !Uid::current().is_root() && has_capabilities(path) {
        "privileged by file capabilities"
    } else {
        return None;
    };
    Some(format!("it is {kind}, and such programs ignore LD_PRELOAD"))
}

fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    let name = c"security.capability".as_ptr();
    // SAFETY: both strings are C strings; with size 0 the call only reports the value's length.
    unsafe { libc::getxattr(path.as_ptr(), name, std::ptr::null_mut(), 0) > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_of_scripts() {
        let of = |text: &str| script_interpreter(text.as_bytes());
        assert_eq!(of("#!/bin/sh\necho"), Some("/bin/sh".into()));
        assert_eq!(
            of("#!  /usr/bin/env python3\n"),
            Some("/usr/bin/env".into())
        );
        assert_eq!(of("#!"), None);
        assert_eq!(of("echo"), None);
    }

    #[test]
    fn search_tells_missing_from_forbidden() {
        let status = |name: &str| search(OsStr::new(name)).unwrap_err().status();
        assert_eq!(status("/no/such/program"), NOT_FOUND);
        assert_eq!(status("no-such-program-at-all"), NOT_FOUND);
        assert_eq!(status("/etc/passwd/x"), NOT_FOUND);
        assert_eq!(status("/etc/passwd"), NOT_EXECUTABLE);
        assert_eq!(status("/etc"), NOT_EXECUTABLE);
        assert_eq!(
            search(OsStr::new("sh")).unwrap().file_name(),
            Some(OsStr::new("sh"))
        );
    }
}
