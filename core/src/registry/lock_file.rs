//! Lock files: each has a byte for each of some members, and a member holds a lock on its own. A mapping of the file keeps
//! the lock, or a descriptor where a mapping does not.
//!
//! Another thread of the program may close a descriptor, and open another file that gets the number. So what is open is
//! compared with the inode number that the registry has of the file.
//! Tested by `c_tests/process/files_removed.c` and `descriptors_closed_by_thread.c`.

use super::Registry;
use super::format::MEMBERS_PER_FILE;
use super::named_file::NamedFile;
use crate::error::{Errno, Result};
use crate::os::files::{self, File};
use crate::os::paths::{self, Status};
use crate::os::{locks, memory, random};
use crate::sync::Ordering;
use crate::text::SegmentPath;

/// A descriptor that stays open gets a number that programs do not expect to be free.
const HIGH_DESCRIPTOR: i32 = 900;
/// The mode of a lock file.
const FOR_ALL: u32 = 0o666;

impl Registry {
    /// Makes a mapping keep the lock, or the descriptor if a mapping does not: file systems layered over others map the
    /// file below. `None` if another process locked the byte meanwhile.
    #[inline(never)]
    pub(super) fn pin(&self, file: File, index: u32, page: usize) -> Result<Option<(i32, bool)>> {
        let number = index / MEMBERS_PER_FILE;
        let mapped = memory::map_token(file.fd(), page);
        // Now, since another thread of the program may have closed the descriptor, and opened another file.
        if !self.is_lock_file(&file, number) {
            memory::unmap_token(page);
            // What was locked may be a file of the program.
            locks::release(file.fd(), byte_of(index));
            return self.again(index);
        }
        mapped?;
        if self.pins_locks(&file) {
            return Ok(Some((-1, true)));
        }
        // The first descriptor is closed, so the question is whether the mapping alone keeps a lock. The byte that is
        // asked for is one that nobody else locks: another process could lock the member's own byte meanwhile.
        let probe = u64::from(MEMBERS_PER_FILE) + (random::number() >> 2);
        let taken = locks::take(file.fd(), probe);
        drop(file);
        let again = self.open_lock_file(number, false)?;
        if taken.is_ok() && locks::is_held(again.fd(), probe)? {
            self.known().pins_locks.store(true, Ordering::Relaxed);
            return Ok(Some((-1, true)));
        }
        memory::unmap_token(page);
        let locked = locks::take(again.fd(), byte_of(index));
        if !self.is_lock_file(&again, number) {
            return self.again(index);
        }
        match locked {
            Err(Errno::EAGAIN) => return Ok(None),
            other => other?,
        }
        let high = files::duplicate_from(again.fd(), HIGH_DESCRIPTOR);
        let fd = high.unwrap_or_else(|_| again.into_fd());
        Ok(Some((fd, false)))
    }

    /// A lock file turned out to be another file. Another byte is tried, unless the lock file is gone.
    ///
    /// # Errors
    /// - `ESTALE` it is
    #[cold]
    #[inline(never)]
    pub(super) fn again<T>(&self, index: u32) -> Result<Option<T>> {
        let number = index / MEMBERS_PER_FILE;
        let named = paths::lstat(self.lock_file_path(number).as_c_str());
        if named.is_ok_and(|status| self.is_lock_file_status(&status, number)) {
            Ok(None)
        } else {
            Err(Errno::ESTALE)
        }
    }

    /// Whether the file system lets a mapping keep the lock. Asked once.
    fn pins_locks(&self, file: &File) -> bool {
        let known = &self.known().pins_locks;
        if !known.load(Ordering::Relaxed) {
            let is_good = files::statfs(self.path().as_c_str())
                .or_else(|_| file.fstatfs())
                .is_ok_and(|system| files::PIN_LOCKS.contains(&system.kind));
            known.store(is_good, Ordering::Relaxed);
        }
        known.load(Ordering::Relaxed)
    }

    /// Opens a lock file. With `make`, makes it if it never was. Its name cannot be guessed, so its mode may let every
    /// user in: a process that gives up privileges still has to be counted when it forks.
    ///
    /// # Errors
    /// - `ESTALE` it is not there, or another is in its place
    #[inline(never)]
    pub(super) fn open_lock_file(&self, number: u32, make: bool) -> Result<File> {
        let recorded = self
            .header()
            .lock_files
            .get(number as usize)
            .ok_or(Errno::EINVAL)?;
        let path = self.lock_file_path(number);
        let flags = libc::O_RDWR;
        let is_new = make && recorded.load(Ordering::Acquire) == 0;
        let open = || File::open(path.as_c_str(), flags, 0);
        let opened = match open() {
            Err(Errno::ENOENT) if is_new => {
                match NamedFile::make(path.as_c_str(), FOR_ALL, self.names_stay()) {
                    Err(Errno::EEXIST) => {}
                    made => made?.set_mode(FOR_ALL)?,
                }
                open()
            }
            other => other,
        };
        let file = opened.map_err(as_another)?;
        let noted = recorded.load(Ordering::Acquire);
        // A process that takes a lock checks the file once it is mapped.
        if make && noted != 0 {
            return Ok(file);
        }
        // By its name, if it is to be recorded: the descriptor may be another file's by now.
        let seen = if make {
            paths::lstat(path.as_c_str())
        } else {
            file.fstat()
        };
        let Status { inode, mode, .. } = seen?;
        if make && mode & 0o777 != FOR_ALL && self.names_stay() {
            // Its maker died before it could give the mode.
            let _ = paths::chmod(path.as_c_str(), FOR_ALL);
        }
        let is_same = noted == inode
            || noted == 0
                && match recorded.compare_exchange(0, inode, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => true,
                    Err(theirs) => theirs == inode,
                };
        if is_same {
            Ok(file)
        } else {
            Err(Errno::ESTALE)
        }
    }

    /// Whether an open file is the lock file of this number.
    pub(super) fn is_lock_file(&self, file: &File, number: u32) -> bool {
        file.fstat()
            .is_ok_and(|status| self.is_lock_file_status(&status, number))
    }

    fn is_lock_file_status(&self, status: &Status, number: u32) -> bool {
        let recorded = self.header().lock_files.get(number as usize);
        status.device == self.known().device
            && recorded.is_some_and(|inode| inode.load(Ordering::Relaxed) == status.inode)
    }

    fn lock_file_path(&self, number: u32) -> SegmentPath {
        let mut path = SegmentPath::new();
        path.push_text(self.path())
            .push_str("/")
            .push_text(&self.beginning_of("members-"))
            .push_str("-")
            .push_decimal(number.into());
        path
    }
}

/// The errnos that say that a lock file is gone, or that another file took its place.
fn as_another(error: Errno) -> Errno {
    match error {
        Errno::ENOENT | Errno::ELOOP | Errno::EISDIR | Errno::ENXIO => Errno::ESTALE,
        other => other,
    }
}

/// The byte of a member in its lock file.
pub(super) fn byte_of(index: u32) -> u64 {
    u64::from(index % MEMBERS_PER_FILE)
}
