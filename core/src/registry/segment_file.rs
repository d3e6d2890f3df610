//! The file behind a segment. Its name has a number that this process copied when it opened the registry, and the
//! segment's id. So no byte of the registry can lead a process to a file of another segment or another namespace. Where
//! only trusted members make files, the name has the size too: a damaged registry cannot make a process map more than
//! there is. Elsewhere the size is that of the file itself. Tested by `c_tests/sysv` and `c_tests/process/users.c`.

use super::Registry;
use super::liveness::LivenessCache;
use super::members::Token;
use super::named_file::{NamedFile, TRIES};
use super::segment::Segment;
use super::slot::SlotRef;
use crate::error::{Errno, Result};
use crate::log::{self, Level};
use crate::os::access_list;
use crate::os::descriptors;
use crate::os::files::File;
use crate::os::{c_library, identity, limits, paths};
use crate::sync::Ordering;
use crate::text::{Path, SegmentPath, Text};

const READ_WRITE: u32 = 0o600;

impl Registry {
    /// Makes the file of a segment in creation: exactly its size, and its mode whatever the umask says.
    ///
    /// # Errors
    /// - `EEXIST` there is a file of that name, which is not ours to touch
    /// - `ENOSPC` over `RLIMIT_FSIZE`, or the file system has no inode left
    /// - other errors of open(2)
    pub(crate) fn make_file(&self, segment: &Segment) -> Result<()> {
        // The segment is the effective user's, and so is its file to be.
        if identity::is_split(segment.cuid) {
            return identity::as_effective(|| self.make_as_it_is(segment));
        }
        self.make_as_it_is(segment)
    }

    #[inline(never)]
    fn make_as_it_is(&self, segment: &Segment) -> Result<()> {
        if segment.huge_page().is_some() {
            return self.make_huge_file(segment);
        }
        let bytes = segment.bytes().ok_or(Errno::EINVAL)? as u64;
        check_file_size(bytes)?;
        let mut path = SegmentPath::new();
        self.write_segment_path(segment, &mut path);
        for _ in 0..TRIES {
            match self.make_at(&path, segment, bytes) {
                Err(Errno::ESTALE) => {}
                made => return made,
            }
        }
        Err(Errno::ENOMEM)
    }

    fn make_at(&self, path: &SegmentPath, segment: &Segment, bytes: u64) -> Result<()> {
        let file = NamedFile::make(path.as_c_str(), READ_WRITE, self.names_stay())?;
        let made = set_size(&file, bytes).and_then(|()| {
            if self.gives_group() {
                // As in the kernel, a segment is of its maker's group, whatever the directory says.
                file.set_group(segment.gid)?;
            }
            let mode = segment.mode & 0o777;
            if mode == READ_WRITE {
                Ok(())
            } else {
                file.set_mode(mode)
            }
        });
        made.inspect_err(|_| {
            let _ = paths::unlink(path.as_c_str());
        })
    }

    /// Opens the file for an attach. A read-only attach gets a descriptor that no mprotect(2) can make writable.
    ///
    /// # Errors
    /// - `EACCES` the file's mode and owner refuse
    /// - `EIDRM` the file is not there, or not the segment's
    /// - `EMFILE`, `ENFILE` no descriptor for the moment that it takes
    /// - `ESTALE` another thread has closed the descriptor
    #[inline(never)]
    pub(crate) fn open_file(&self, segment: &Segment, read_only: bool) -> Result<File> {
        let flags = if read_only {
            libc::O_RDONLY
        } else {
            libc::O_RDWR
        };
        if segment.huge_page().is_some() {
            return self.open_huge_file(segment, flags);
        }
        let mut path = SegmentPath::new();
        self.write_segment_path(segment, &mut path);
        match File::open(path.as_c_str(), flags, 0) {
            Ok(file) if !self.is_shared() => Ok(file),
            Ok(file) => self.check_own(&file, segment).map(|()| file),
            Err(error) => self.open_otherwise(segment, &path, flags, error),
        }
    }

    /// Where others may make files, the name does not have the size. And another member may have given a second name to
    /// a file that is not the segment's, so that this process writes into it.
    pub(super) fn check_own(&self, file: &File, segment: &Segment) -> Result<()> {
        let is_own = file.fstat().is_ok_and(|status| {
            let is_whole = segment
                .bytes()
                .is_some_and(|bytes| bytes as u64 <= status.size);
            is_whole && status.mode & libc::S_IFMT == libc::S_IFREG && status.links == 1
        });
        if is_own {
            return Ok(());
        }
        if !self.is_file_of(file, segment) {
            return Err(Errno::ESTALE);
        }
        Err(log::write_error(Errno::EIDRM, |line| {
            line.str("the file of segment ")
                .number(segment.shmid.into())
                .str(" has another name, or is too short")
        }))
    }

    /// Whether an open file is the segment's, as far as can be known: another thread of the program may have closed its
    /// descriptor, and opened another file that got the number.
    pub(crate) fn is_file_of(&self, file: &File, segment: &Segment) -> bool {
        c_library::is_single_threaded() || self.is_still_of(file, segment)
    }

    #[cold]
    #[inline(never)]
    fn is_still_of(&self, file: &File, segment: &Segment) -> bool {
        let Ok(seen) = file.fstat() else {
            return false;
        };
        // Reached by its name it is this one; where its name is out of reach, nothing else is known of it.
        let named = self
            .memory_path(segment)
            .and_then(|path| paths::lstat(path.as_c_str()));
        named.map_or(true, |named| named.is_of_same_file(&seen))
    }

    /// Another process may keep a page of the segment mapped for its next attach, which would keep all of its memory.
    /// The file is emptied, so that removal frees the memory, as in the kernel. This process has dropped its own kept
    /// page before.
    #[inline(never)]
    pub(super) fn give_memory_back(
        &self,
        slot: &SlotRef<'_>,
        segment: &Segment,
        me: Option<Token>,
    ) {
        if slot.slot.kept.load(Ordering::Relaxed) == 0
            || self.is_shared()
            || segment.huge_page().is_some()
            || !slot.is_kept_by_others(me, &mut LivenessCache::new(self, me))
        {
            return;
        }
        // Nobody else makes files here, so the name leads to the segment's file, and no descriptor is needed.
        let _ = paths::truncate(self.segment_path(segment).as_c_str(), 0);
    }

    /// Removes the file.
    ///
    /// # Errors
    /// - `EPERM`, `EACCES` the file is another user's, in a directory where only owners remove
    #[inline(never)]
    pub(crate) fn remove_file(&self, segment: &Segment) -> Result<()> {
        let mut path = SegmentPath::new();
        self.write_segment_path(segment, &mut path);
        let removed = match segment.huge_page() {
            Some(_) => self.remove_huge_file(segment),
            None => Ok(()),
        };
        match removed.and_then(|()| paths::unlink(path.as_c_str())) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => {
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

    /// Gives the file the owner and mode that a caller of `IPC_SET` asks for, if the kernel lets us: the registry
    /// records them anyway. In a directory where others make files, the registry is not believed about the creator.
    /// There the file's own owner counts as the creator, unless the file lets the creator in already.
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
        let Err(error) = self.set_access(&path, before, now) else {
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
            let _ = self.set_access(&path, now, before);
            return Err(error);
        }
        Ok(())
    }

    /// Lets exactly those users open the file that the segment's mode lets attach: its owner and creator by the first
    /// digit, both their groups by the second. If owner and creator differ, that takes an access list.
    fn set_access(&self, path: &Path, before: &Segment, now: &Segment) -> Result<()> {
        let held = if self.is_ours_throughout(path, now) {
            None
        } else {
            Some(File::open(path.as_c_str(), libc::O_PATH, 0)?)
        };
        let mut own = *path;
        let status = match &held {
            Some(file) => {
                own = Path::new();
                own.push_text(&file.own_path());
                file.fstat()?
            }
            None => paths::lstat(path.as_c_str())?,
        };
        if status.mode & libc::S_IFMT != libc::S_IFREG || status.links != 1 {
            return Err(Errno::EPERM);
        }
        // Where others make files, the creator in the registry is believed only if the file lets that user in already.
        let (user, group) = if self.is_shared() {
            access_list::names(own.as_c_str(), now.cuid, now.cgid)
        } else {
            (true, true)
        };
        let creator = (
            if user { now.cuid } else { status.uid },
            if group { now.cgid } else { status.gid },
        );
        if (before.uid, before.gid) != (now.uid, now.gid) {
            // Without the privilege to give files away, the access list lets the new owner in.
            let _ = paths::chown(own.as_c_str(), now.uid, now.gid);
        }
        let mode = now.mode & 0o777;
        if (now.uid, now.gid) == creator {
            access_list::remove(own.as_c_str());
            return paths::chmod(own.as_c_str(), mode);
        }
        access_list::set(
            own.as_c_str(),
            mode,
            [now.uid, creator.0],
            [now.gid, creator.1],
        )
    }

    /// Whether the path leads to the same file throughout: nobody else makes files there, or the file is this user's, and
    /// so nobody else can take its name away.
    fn is_ours_throughout(&self, path: &Path, segment: &Segment) -> bool {
        let is_own =
            || paths::lstat(path.as_c_str()).is_ok_and(|status| status.uid == identity::euid());
        self.names_stay() && segment.huge_page().is_none() && (!self.is_shared() || is_own())
    }

    /// Bytes of the segment that are in memory.
    pub(crate) fn resident_bytes(&self, segment: &Segment) -> u64 {
        self.memory_path(segment)
            .and_then(|path| paths::lstat(path.as_c_str()))
            .map_or(0, |status| status.blocks.saturating_mul(512))
    }

    pub(crate) fn segment_path(&self, segment: &Segment) -> SegmentPath {
        let mut path = SegmentPath::new();
        self.write_segment_path(segment, &mut path);
        path
    }

    /// [`Registry::segment_path`], written into an empty path of the caller. To return a path would copy all of it,
    /// which takes longer than to write it.
    pub(super) fn write_segment_path<const N: usize>(&self, segment: &Segment, path: &mut Text<N>) {
        let known = self.known();
        path.push_text(&known.directory).push_str("/");
        self.push_segment_name(segment.shmid, path);
        if !self.is_shared() {
            path.push_str("-")
                .push_hex(segment.bytes().unwrap_or(0) as u64);
        }
    }
}

impl Registry {
    /// Closes descriptors of the namespace's files that were left open by mistake, but not `kept`.
    #[cold]
    #[inline(never)]
    pub(crate) fn close_descriptors(&self, kept: i32) {
        if !self.is_open() {
            return;
        }
        for kind in ["segment-", "members-"] {
            descriptors::close_all_of(self.beginning_of(kind).bytes(), kept, None);
        }
    }

    /// What the names of all files of a kind begin with: no other namespace's do.
    pub(super) fn beginning_of(&self, kind: &str) -> Text<32> {
        let mut name = Text::new();
        name.push_str(kind).push_hex(self.known().nonce);
        name
    }

    /// What the name of a segment's file begins with, in every namespace of its own.
    pub(crate) fn push_segment_name<const N: usize>(&self, shmid: u32, name: &mut Text<N>) {
        name.push_text(&self.beginning_of("segment-"))
            .push_str("-")
            .push_hex(shmid.into());
    }

    /// The segment of a file by its name, whatever comes behind that.
    pub(crate) fn segment_of_file(&self, name: &[u8]) -> Option<u32> {
        let beginning = self.beginning_of("segment-");
        let id = name.strip_prefix(beginning.bytes())?.strip_prefix(b"-")?;
        let digits = id.iter().map_while(|&byte| char::from(byte).to_digit(16));
        u32::try_from(digits.fold(0, |id: u64, digit| id << 4 | u64::from(digit))).ok()
    }
}

/// The kernel has no file size limit for segments. Ours would raise a signal that kills.
pub(super) fn check_file_size(bytes: u64) -> Result<()> {
    if bytes <= limits::file_size() {
        return Ok(());
    }
    Err(log::write_error(Errno::ENOSPC, |line| {
        line.str("RLIMIT_FSIZE is below a segment of ")
            .number(bytes)
            .str(" bytes")
    }))
}

/// Gives the file its size.
pub(super) fn set_size(file: &NamedFile<'_>, bytes: u64) -> Result<()> {
    file.set_size(bytes).map_err(|error| match error {
        Errno::EFBIG => Errno::ENOSPC,
        Errno::EINVAL | Errno::EOVERFLOW => Errno::ENOMEM,
        other => other,
    })
}
