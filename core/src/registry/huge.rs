//! Segments of huge pages. Their memory is a file on a mount of hugetlbfs. As for the kernel's own segments of huge
//! pages, the mount takes the pages from the kernel's pool, reserves them, and refuses what the pool cannot give. In
//! the namespace, a symbolic link with the name of the segment's file leads to that file.
//!
//! Any process that may make files in the namespace can make a link that leads anywhere. Only this code follows it, and
//! only to a file whose name says that it belongs to this namespace. Tested by `tests/tests/huge_pages.rs`.

use super::Registry;
use super::named_file::{NamedFile, is_at};
use super::segment::Segment;
use super::segment_file::{check_file_size, set_size};
use crate::error::{Errno, Result};
use crate::log;
use crate::namespace;
use crate::options;
use crate::os::files::{self, File, FileSystem};
use crate::os::{links, memory, mounts, paths, random};
use crate::text::Path;

/// In [`Segment::flags`], from this bit on: the logarithm of the size of the segment's pages; 0 for ordinary ones.
const SIZE_SHIFT: u32 = 8;
const SIZE_MASK: u32 = 0x3f;

/// [`Segment::flags`] for huge pages of `1 << log2` bytes.
pub(crate) fn flags_for(log2: u32) -> u32 {
    (log2 & SIZE_MASK) << SIZE_SHIFT
}

impl Segment {
    /// The logarithm of the size of its pages if they are huge ones, else 0.
    pub(crate) fn huge_log2(&self) -> u8 {
        (self.flags >> SIZE_SHIFT & SIZE_MASK) as u8
    }

    /// The size of its pages, if they are huge ones.
    pub(crate) fn huge_page(&self) -> Option<u64> {
        match self.huge_log2() {
            0 => None,
            log2 => Some(1 << log2),
        }
    }
}

impl Registry {
    /// Makes the file of a segment of huge pages on the first mount that has pages of that size and lets us, and
    /// reserves the pages.
    ///
    /// # Errors
    /// - `EEXIST` the link's name is taken
    /// - `ENOMEM` there is no such mount, or the pool cannot cover the segment
    #[cold]
    #[inline(never)]
    pub(super) fn make_huge_file(&self, segment: &Segment) -> Result<()> {
        let mut made = Err(Errno::ENOENT);
        let mut attempt = |directory: &Path| {
            made = self.make_in(directory, segment);
            !matches!(made, Ok(()) | Err(Errno::EEXIST))
        };
        if let Some(name) = options::huge_directory() {
            let mut directory = Path::new();
            directory.push(name);
            attempt(&directory);
        } else {
            mounts::each_hugetlbfs(&mut attempt)?;
        }
        match made {
            Ok(()) | Err(Errno::EEXIST | Errno::EMFILE | Errno::ENFILE) => made,
            Err(error) => Err(log::write_error(Errno::ENOMEM, |line| {
                line.str("no mount of hugetlbfs gives ")
                    .number(segment.size)
                    .str(" bytes in pages of ")
                    .number(segment.huge_page().unwrap_or(0))
                    .str(": ")
                    .errno(error)
            })),
        }
    }

    /// The link first: if the maker dies in between, it leaves a link that leads nowhere, not a file that nobody knows.
    fn make_in(&self, directory: &Path, segment: &Segment) -> Result<()> {
        let link = self.segment_path(segment);
        let mut target = *directory;
        target
            .push(self.huge_prefix()?.bytes())
            .push_hex(random::number());
        if target.is_cut() {
            return Err(Errno::ENAMETOOLONG);
        }
        links::symlink(target.as_c_str(), link.as_c_str())?;
        let made = make_target(directory, &target, segment);
        if made.is_err() {
            let _ = paths::unlink(link.as_c_str());
        }
        // The file's name is random. A file that has it already is not ours, and no reason to look for another link.
        made.map_err(|error| match error {
            Errno::EEXIST => Errno::EACCES,
            other => other,
        })
    }

    /// What the names of this namespace's files begin with, on every mount. The directory's inode number tells
    /// namespaces apart.
    fn huge_prefix(&self) -> Result<Path> {
        let mut prefix = Path::new();
        let directory = paths::lstat(self.path().as_c_str())?;
        prefix
            .push_str("/partage-")
            .push_hex(directory.inode)
            .push_str("-");
        Ok(prefix)
    }

    /// The path of the segment's memory: of what the link leads to, if its pages are huge.
    ///
    /// # Errors
    /// - `ENOENT` there is no link, or none of this namespace
    pub(crate) fn memory_path(&self, segment: &Segment) -> Result<Path> {
        let mut path = Path::new();
        self.write_segment_path(segment, &mut path);
        if segment.huge_page().is_some() {
            return self.target_of(&path);
        }
        Ok(path)
    }

    /// Opens the memory of a segment of huge pages.
    ///
    /// # Errors
    /// - `EIDRM` it is not there, or not the segment's
    /// - `ESTALE` another thread has closed the descriptor
    /// - others of open(2)
    #[cold]
    #[inline(never)]
    pub(super) fn open_huge_file(&self, segment: &Segment, flags: i32) -> Result<File> {
        let page = segment.huge_page().ok_or(Errno::EINVAL)?;
        let path = self.memory_path(segment).map_err(|_| Errno::EIDRM)?;
        let file = File::open(path.as_c_str(), flags, 0).map_err(|error| match error {
            Errno::ENOENT | Errno::ELOOP => Errno::EIDRM,
            other => other,
        })?;
        if check_memory(&file, segment, page).is_ok() {
            return Ok(file);
        }
        Err(if self.is_file_of(&file, segment) {
            Errno::EIDRM
        } else {
            Errno::ESTALE
        })
    }

    #[cold]
    #[inline(never)]
    fn target_of(&self, link: &Path) -> Result<Path> {
        let mut target = Path::new();
        links::readlink(link.as_c_str(), &mut target).map_err(|_| Errno::ENOENT)?;
        let prefix = self.huge_prefix()?;
        let name = target.bytes().iter().rposition(|&byte| byte == b'/');
        let is_ours = name
            .and_then(|at| target.bytes().get(at..))
            .is_some_and(|name| name.starts_with(prefix.bytes()));
        if is_ours {
            Ok(target)
        } else {
            Err(Errno::ENOENT)
        }
    }

    /// Removes the memory that a segment's link leads to; the link itself is the caller's.
    #[cold]
    #[inline(never)]
    pub(super) fn remove_huge_file(&self, segment: &Segment) -> Result<()> {
        let Ok(target) = self.memory_path(segment) else {
            return Ok(());
        };
        match paths::unlink(target.as_c_str()) {
            Err(Errno::ENOENT) => Ok(()),
            Err(error) => {
                let _ = empty(&target);
                Err(error)
            }
            done => done,
        }
    }
}

/// Frees the memory behind a file that is still mapped somewhere.
fn empty(path: &Path) -> Result<()> {
    let file = File::open(path.as_c_str(), libc::O_WRONLY, 0)?;
    let status = file.fstat()?;
    let is_own = status.mode & libc::S_IFMT == libc::S_IFREG && status.links == 1;
    if is_own && is_at(&file, path.as_c_str()) {
        file.ftruncate(0)
    } else {
        Err(Errno::EPERM)
    }
}

/// Whether an opened file may be mapped as the segment's memory: on hugetlbfs, of its page size, and whole.
#[cold]
#[inline(never)]
pub(super) fn check_memory(file: &File, segment: &Segment, page: u64) -> Result<()> {
    let bytes = segment.bytes().ok_or(Errno::EUCLEAN)? as u64;
    if is_of_huge_pages(&file.fstatfs()?, page) && file.fstat()?.size >= bytes {
        Ok(())
    } else {
        Err(Errno::ENOENT)
    }
}

fn is_of_huge_pages(system: &FileSystem, page: u64) -> bool {
    system.kind == mounts::HUGETLBFS && system.block_size == page
}

fn make_target(directory: &Path, target: &Path, segment: &Segment) -> Result<()> {
    let page = segment.huge_page().ok_or(Errno::EINVAL)?;
    if !is_of_huge_pages(&files::statfs(directory.as_c_str())?, page) {
        return Err(Errno::EOPNOTSUPP);
    }
    let name_stays = namespace::names_stay(&paths::stat(directory.as_c_str())?);
    let file = NamedFile::make(target.as_c_str(), 0o600, name_stays)?;
    let made = fill(&file, segment);
    if made.is_err() {
        let _ = paths::unlink(target.as_c_str());
    }
    made
}

/// Size, pages, mode. Mapping the file once reserves its pages, and they stay reserved for it.
fn fill(file: &NamedFile<'_>, segment: &Segment) -> Result<()> {
    let bytes = segment.bytes().ok_or(Errno::EINVAL)?;
    check_file_size(bytes as u64)?;
    set_size(file, bytes as u64)?;
    if !segment.is_unreserved() {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let place = file.map(bytes, |file| {
            // SAFETY: the kernel chooses a free range.
            unsafe { memory::mmap(0, bytes, protection, libc::MAP_SHARED, file.fd(), 0) }
        })?;
        // SAFETY: the mapping was made just now, and nobody uses it.
        unsafe { memory::munmap(place, bytes) }?;
    }
    file.set_mode(segment.mode & 0o777)
}
