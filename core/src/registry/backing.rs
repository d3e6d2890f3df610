//! The file behind a segment: `segment-<number>-<bytes>`, both in hexadecimal. Its size stands in its name, so that
//! a damaged registry cannot make anyone map more than there is.

use super::segment::{ANCHORED, Segment};
use super::{Registry, huge};
use crate::error::{Errno, Result};
use crate::log::{self, Level};
use crate::os::access_list;
use crate::os::files::{self, File};
use crate::os::signals::Blocked;
use crate::sync::Ordering;
use crate::text::Path;

const READ_WRITE: u32 = 0o600;

impl Registry {
    /// Makes the file of a segment in creation: exactly its size, and its mode whatever the umask says.
    ///
    /// # Errors
    /// - `EEXIST` there is a file of that name, which is not ours to touch
    /// - `ENOSPC` over `RLIMIT_FSIZE`, or the file system has no inode left
    /// - other errors of open(2)
    pub(crate) fn make_file(&self, segment: &Segment, signals: &Blocked) -> Result<()> {
        if segment.huge_page().is_some() {
            return self.make_huge_file(segment, signals);
        }
        let bytes = segment.bytes().ok_or(Errno::EINVAL)? as u64;
        let mut path = Path::new();
        self.write_segment_path(segment, &mut path);
        let mode = segment.mode & 0o777;
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let file = File::open(path.as_c_str(), flags, READ_WRITE)?;
        let made = set_size(&file, bytes, signals).and_then(|()| {
            // Owner-only modes other than 0600 are rare; the umask could have taken bits from 0600, rarer still.
            if mode == READ_WRITE {
                Ok(())
            } else {
                file.set_mode(mode)
            }
        });
        if made.is_err() {
            let _ = files::unlink(path.as_c_str());
        }
        made
    }

    /// Opens the file for an attach; reading only gives a descriptor that no mprotect(2) can make writable.
    ///
    /// # Errors
    /// - `EACCES` the file's mode and owner refuse
    /// - `EIDRM` the file is not there, or not the segment's
    /// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
    pub(crate) fn open_file(&self, segment: &Segment, read_only: bool) -> Result<File> {
        let mut path = Path::new();
        self.write_memory_path(segment, &mut path)
            .map_err(|_| Errno::EIDRM)?;
        let flags = if read_only {
            libc::O_RDONLY
        } else {
            libc::O_RDWR
        };
        let opened = File::open(path.as_c_str(), flags, 0).or_else(|error| match error {
            // A umask that takes rights from the owner was in the way when the file was made.
            Errno::EACCES => Held::open(&path, [segment, segment])
                .and_then(|held| held.set_access(segment))
                .and_then(|()| File::open(path.as_c_str(), flags, 0))
                .map_err(|_| error),
            other => Err(other),
        });
        match opened {
            Err(Errno::ENOENT | Errno::ELOOP) => Err(log::refuse(Errno::EIDRM, |line| {
                line.str("the file of segment ")
                    .number(segment.shmid.into())
                    .str(" is gone: ")
                    .bytes(path.bytes())
            })),
            Err(error) => Err(log::refuse(error, |line| {
                line.str("cannot open the file of segment ")
                    .number(segment.shmid.into())
                    .str(", ")
                    .bytes(path.bytes())
            })),
            Ok(file) => match segment.huge_page() {
                Some(page) => huge::check_memory(&file, segment, page)
                    .map(|()| file)
                    .map_err(|_| Errno::EIDRM),
                None => self.check_own(&file, segment).map(|()| file),
            },
        }
    }

    /// Where others may make files, one of them may have given a file that is not the segment's a second name, to have
    /// this process write into it.
    fn check_own(&self, file: &File, segment: &Segment) -> Result<()> {
        if !self.is_shared.load(Ordering::Relaxed) || is_own(file, [segment, segment])? {
            return Ok(());
        }
        Err(log::refuse(Errno::EIDRM, |line| {
            line.str("the file of segment ")
                .number(segment.shmid.into())
                .str(" has another name or owner")
        }))
    }

    /// Removes the file. Memory that anchors keep is given back first: removal is the end of it, as in the kernel.
    ///
    /// # Errors
    /// - `EPERM`, `EACCES` the file is another user's, in a directory where only owners remove; its memory is given
    ///   back if possible
    pub(crate) fn remove_file(&self, segment: &Segment) -> Result<()> {
        let mut path = Path::new();
        self.write_segment_path(segment, &mut path);
        if segment.flags & ANCHORED != 0 && segment.huge_page().is_none() {
            let _ = empty(&path, segment);
        }
        let removed = match segment.huge_page() {
            Some(_) => self.remove_huge_file(segment),
            None => Ok(()),
        };
        match removed.and_then(|()| files::unlink(path.as_c_str())) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => {
                if segment.huge_page().is_none() {
                    let _ = empty(&path, segment);
                }
                log::write(Level::Warn, |line| {
                    line.str("cannot remove ")
                        .bytes(path.bytes())
                        .str(": ")
                        .errno(error)
                });
                Err(error)
            }
        }
    }

    /// Gives the file the segment's owner and mode, where the kernel lets us: the registry records them anyway.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE`, `ENOMEM`, `ENOSPC` not now; the file is as it was, as far as possible
    pub(crate) fn update_file(&self, before: &Segment, now: &Segment) -> Result<()> {
        let access = |segment: &Segment| (segment.uid, segment.gid, segment.mode & 0o777);
        if access(before) == access(now) {
            return Ok(());
        }
        let Ok(path) = self.memory_path(now) else {
            return Ok(());
        };
        let update = |held: Held| {
            if (before.uid, before.gid) != (now.uid, now.gid) {
                // Without the privilege to give files away, the access list lets the new owner in.
                let _ = held.0.set_owner(now.uid, now.gid);
            }
            held.set_access(now)
        };
        let Err(error) = Held::open(&path, [before, now]).and_then(update) else {
            return Ok(());
        };
        log::write(Level::Warn, |line| {
            line.str("the kernel keeps the old mode of ")
                .bytes(path.bytes())
                .str(": ")
                .errno(error)
        });
        if matches!(
            error,
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOSPC
        ) {
            self.restore_access(before);
            return Err(error);
        }
        Ok(())
    }

    /// Gives the file the owner and mode that the registry says, where the kernel lets us.
    pub(crate) fn restore_access(&self, segment: &Segment) {
        let restore = |held: Held| {
            let _ = held.0.set_owner(segment.uid, segment.gid);
            held.set_access(segment)
        };
        let _ = self
            .memory_path(segment)
            .and_then(|path| Held::open(&path, [segment, segment]))
            .and_then(restore);
    }

    /// Bytes of the segment that are in memory.
    pub(crate) fn resident_bytes(&self, segment: &Segment) -> u64 {
        self.memory_path(segment)
            .and_then(|path| files::status(path.as_c_str()))
            .map_or(0, |status| status.blocks.saturating_mul(512))
    }

    pub(crate) fn segment_path(&self, segment: &Segment) -> Path {
        let mut path = Path::new();
        self.write_segment_path(segment, &mut path);
        path
    }

    /// [`Registry::segment_path`] into a path that is empty. Handing one back copies all of it, which takes longer than
    /// to write it.
    pub(super) fn write_segment_path(&self, segment: &Segment, path: &mut Path) {
        path.push_text(self.path())
            .push_str("/segment-")
            .push_hex(segment.file)
            .push_str("-")
            .push_hex(segment.bytes().unwrap_or(0) as u64);
    }
}

/// A segment's file, held for changing what it is to others. The name may lead elsewhere when it is looked up again: where
/// others are members, one of them may have put a link in its place, to a file that is not theirs to change.
struct Held(File);

impl Held {
    /// # Errors
    /// - `EPERM` it is no file, has other names too, or belongs to neither owner nor creator
    fn open(path: &Path, segments: [&Segment; 2]) -> Result<Held> {
        let file = File::open(path.as_c_str(), libc::O_PATH, 0)?;
        if is_own(&file, segments)? {
            Ok(Held(file))
        } else {
            Err(Errno::EPERM)
        }
    }

    /// Lets exactly those open the file whom the segment's mode lets attach: its owner and creator by the first digit,
    /// both their groups by the second. Where owner and creator differ, that takes an access list.
    fn set_access(&self, segment: &Segment) -> Result<()> {
        let path = self.0.own_path();
        let mode = segment.mode & 0o777;
        if (segment.uid, segment.gid) == (segment.cuid, segment.cgid) {
            access_list::remove(path.as_c_str());
            return files::set_mode(path.as_c_str(), mode);
        }
        access_list::set(
            path.as_c_str(),
            mode,
            [segment.uid, segment.cuid],
            [segment.gid, segment.cgid],
        )
    }
}

/// Whether this is a file with no other name, of the segment's owner or creator.
fn is_own(file: &File, segments: [&Segment; 2]) -> Result<bool> {
    let status = file.status()?;
    let has_owner = segments
        .iter()
        .any(|segment| [segment.uid, segment.cuid].contains(&status.uid));
    Ok(has_owner && status.mode & libc::S_IFMT == libc::S_IFREG && status.links == 1)
}

/// Gives the memory behind a file back while something still maps it.
pub(super) fn empty(path: &Path, segment: &Segment) -> Result<()> {
    let file = File::open(path.as_c_str(), libc::O_WRONLY, 0)?;
    if is_own(&file, [segment, segment])? {
        file.set_size(0)
    } else {
        Err(Errno::EPERM)
    }
}

/// Gives the file its size. The kernel has no file size limit for segments; where ours meets one, the signal that
/// comes with it is taken back.
pub(super) fn set_size(file: &File, bytes: u64, signals: &Blocked) -> Result<()> {
    file.set_size(bytes).map_err(|error| match error {
        Errno::EFBIG => {
            signals.forget_file_size_signal();
            log::refuse(Errno::ENOSPC, |line| {
                line.str("RLIMIT_FSIZE is below a segment of ")
                    .number(bytes)
                    .str(" bytes")
            })
        }
        Errno::EINVAL | Errno::EOVERFLOW => Errno::ENOMEM,
        other => other,
    })
}
