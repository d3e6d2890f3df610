//! A segment's file that cannot be opened by its name. A umask may have taken its maker's rights. Another effective
//! user may have them. After a change of mounts or of the root directory, the path may lead elsewhere. But each
//! attached process has the file mapped, and `/proc` opens mapped files for a caller with `CAP_SYS_ADMIN` or
//! `CAP_CHECKPOINT_RESTORE`. Tested by `c_tests/process/out_of_reach.c` and `other_mounts.c`.

use super::Registry;
use super::segment::Segment;
use crate::error::{Errno, Result};
use crate::log;
use crate::os::files::File;
use crate::os::paths::{self, Status};
use crate::os::{identity, links, process};
use crate::text::{Path, SegmentPath, Text, file_name};

impl Registry {
    /// Opens a file for which open(2) by its name failed.
    #[cold]
    #[inline(never)]
    pub(super) fn open_otherwise(
        &self,
        segment: &Segment,
        path: &SegmentPath,
        flags: i32,
        error: Errno,
    ) -> Result<File> {
        let again = if error == Errno::EACCES {
            self.give_owner_access(path);
            identity::as_effective(|| File::open(path.as_c_str(), flags, 0))
        } else {
            Err(error)
        };
        again
            .or_else(|error| match error {
                Errno::ENOENT | Errno::ENOTDIR => {
                    self.open_mapped(segment, path, flags).map_err(|_| error)
                }
                other => Err(other),
            })
            .and_then(|file| {
                if self.is_shared() {
                    self.check_own(&file, segment)?;
                }
                Ok(file)
            })
            .map_err(|error| explain_open(segment, path, error))
    }

    /// Gives the owner the rights that a umask took when the file was made. Nobody else gets any.
    fn give_owner_access(&self, path: &SegmentPath) {
        if self.names_stay() {
            if let Some(mode) = paths::lstat(path.as_c_str())
                .ok()
                .and_then(|status| mode_for_owner(&status))
            {
                let _ = paths::chmod(path.as_c_str(), mode);
            }
            return;
        }
        let Ok(file) = File::open(path.as_c_str(), libc::O_PATH, 0) else {
            return;
        };
        if let Some(mode) = file.fstat().ok().and_then(|status| mode_for_owner(&status)) {
            let _ = paths::chmod(file.own_path().as_c_str(), mode);
        }
    }

    /// Opens a segment's file through a process that has it mapped.
    ///
    /// # Errors
    /// - `ENOENT` no process's mapping can be opened
    #[cold]
    #[inline(never)]
    fn open_mapped(&self, segment: &Segment, path: &SegmentPath, flags: i32) -> Result<File> {
        let mut found = Err(Errno::ENOENT);
        let name = file_name(path.bytes());
        let Some(len) = segment.bytes() else {
            return found;
        };
        if !process::is_proc_ours() {
            return found;
        }
        self.each_holding(segment.shmid, |holding| {
            if found.is_err() && holding.pid > 0 {
                found = open_mapping(holding.pid, holding.address, len, name, flags);
            }
        });
        found
    }
}

/// Opens what a process has mapped at an address, if it is a file of this name. The name has a random number, so no
/// other file has it.
fn open_mapping(pid: i32, start: usize, len: usize, name: &[u8], flags: i32) -> Result<File> {
    let end = start.checked_add(len).ok_or(Errno::ENOENT)?;
    let mut link = Text::<96>::new();
    link.push_str("/proc/")
        .push_decimal(pid.unsigned_abs().into())
        .push_str("/map_files/")
        .push_hex(start as u64)
        .push_str("-")
        .push_hex(end as u64);
    let mut target = Path::new();
    links::readlink(link.as_c_str(), &mut target)?;
    if file_name(target.bytes()) != name {
        return Err(Errno::ENOENT);
    }
    File::open_by_link(link.as_c_str(), flags)
}

#[cold]
#[inline(never)]
fn explain_open(segment: &Segment, path: &SegmentPath, error: Errno) -> Errno {
    let is_gone = matches!(error, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP);
    let error = if is_gone { Errno::EIDRM } else { error };
    log::write_error(error, |line| {
        line.str(if is_gone {
            "the file is gone of segment "
        } else {
            "cannot open the file of segment "
        })
        .number(segment.shmid.into())
        .str(", ")
        .bytes(path.bytes())
    })
}

/// The mode in which the owner of a file has all rights, if this process is the owner and does not have them.
fn mode_for_owner(status: &Status) -> Option<u32> {
    let is_own = status.uid == identity::euid() && status.mode & libc::S_IFMT == libc::S_IFREG;
    (is_own && status.mode & 0o600 != 0o600).then_some(status.mode & 0o777 | 0o600)
}
