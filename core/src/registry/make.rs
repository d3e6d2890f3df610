//! Making the registry of a namespace. It is made whole under a temporary name and then gets its own name. So no
//! process ever sees it half-made, and if several are made at once, one wins.
//! Tested by `c_tests/process`, the programs that begin with `first_calls`, and `another_boot.c`.

use super::at_base;
use super::format::{Header, KEY_CELLS, MAGIC, MEMBERS_PER_FILE, VERSION};
use super::layout::{PREFIX, SIZE};
use super::named_file::{NamedFile, no_room, reserve};
use crate::error::{Errno, Result};
use crate::log;
use crate::namespace::{self, Directory};
use crate::options;
use crate::os::files::{self, File, TMPFS};
use crate::os::{boot, clock, directories, futex, identity, locks, memory, paths, random};
use crate::sync::{AtomicU32, Ordering};
use crate::text::{SegmentPath, Text};

pub(super) const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// How long the next try waits while another process replaces the registry, in milliseconds.
pub(super) const RETRY_MS: u32 = 10;

/// On file systems that outlive a boot, every process that uses the registry locks this byte of its file.
pub(super) const IN_USE: u64 = 0;

/// Keys that collide cost time, so there are twice as many cells as there may be segments.
pub(super) fn cells_for(shmmni: u32) -> u32 {
    (shmmni.clamp(32, KEY_CELLS / 2) * 2).next_power_of_two()
}

/// Makes a registry and gives it its name, unless another process was faster.
#[cold]
#[inline(never)]
pub(super) fn make(directory: &Directory) -> Result<()> {
    let path = named(directory, "/registry");
    let Some((made, inode)) = make_file(directory)? else {
        return Ok(());
    };
    let published = publish(&made, &path);
    if published != Ok(true) {
        let _ = paths::unlink(made.as_c_str());
    }
    if !published? {
        return Ok(());
    }
    if paths::lstat(path.as_c_str())?.inode != inode {
        // On some file systems a new name is a copy of the file. What all processes find by the name is what counts.
        log::write(log::Level::Warn, |line| {
            line.bytes(path.bytes())
                .str(" is not the file that was given this name")
        });
    }
    Ok(())
}

/// Removes the directory's files whose names begin so.
#[cold]
#[inline(never)]
pub(super) fn remove_entries(directory: &Directory, starts: &[&[u8]]) -> Result<()> {
    directories::each_entry(directory.path.as_c_str(), |name| {
        if starts.iter().any(|start| name.starts_with(start)) {
            let mut path = named(directory, "/");
            path.push(name);
            let _ = paths::unlink(path.as_c_str());
        }
    })
}

/// Gives a file its name without replacing another; false if there is another. If rename(2) cannot do that, link(2)
/// can, on a file system with hard links.
fn publish(made: &SegmentPath, path: &SegmentPath) -> Result<bool> {
    let renamed = paths::rename_without_replacing(made.as_c_str(), path.as_c_str());
    let named = match renamed {
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EPERM | Errno::EOPNOTSUPP) => {
            paths::link(made.as_c_str(), path.as_c_str()).inspect(|()| {
                let _ = paths::unlink(made.as_c_str());
            })
        }
        other => other,
    };
    match named {
        Ok(()) => Ok(true),
        // There is another; or a process that was faster has removed ours.
        Err(Errno::EEXIST | Errno::ENOENT) => Ok(false),
        Err(error) => Err(log::write_error(error, |line| {
            line.str("cannot give a new registry its name, ")
                .bytes(path.bytes())
        })),
    }
}

/// Replaces a registry of an earlier boot, and removes its segments.
#[cold]
#[inline(never)]
pub(super) fn replace(directory: &Directory) -> Result<()> {
    let path = named(directory, "/registry");
    let old = match File::open(path.as_c_str(), libc::O_RDWR, 0) {
        Err(Errno::ENOENT) => return Ok(()),
        other => other?,
    };
    // The process with this lock replaces the registry. Others try again a little later.
    match locks::take(old.fd(), IN_USE) {
        Err(Errno::EAGAIN) => {
            let _ = futex::wait(&AtomicU32::new(0), 0, RETRY_MS);
            return Ok(());
        }
        other => other?,
    }
    if paths::lstat(path.as_c_str())?.inode != old.fstat()?.inode {
        return Ok(());
    }
    log::write(log::Level::Info, |line| {
        line.bytes(path.bytes())
            .str(" is from before the machine was started: begun afresh")
    });
    remove_entries(directory, &[b"segment-", b"members-", b"registry."])?;
    let Some((made, _)) = make_file(directory)? else {
        return Ok(());
    };
    match paths::rename(made.as_c_str(), path.as_c_str()) {
        // Another process made a registry meanwhile, and has removed ours.
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

pub(super) fn named(directory: &Directory, name: &str) -> SegmentPath {
    let mut path = Text::new();
    path.push_text(&directory.path).push_str(name);
    path
}

/// A whole registry under a temporary name, and its inode number; `None` if a process that was faster has removed it.
#[cold]
#[inline(never)]
fn make_file(directory: &Directory) -> Result<Option<(SegmentPath, u64)>> {
    let mut path = named(directory, "/registry.");
    path.push_hex(random::number());
    let name_stays = namespace::names_stay(&directory.status);
    let file = NamedFile::make(path.as_c_str(), 0o600, name_stays).map_err(|error| {
        log::write_error(error, |line| {
            line.str("cannot make a registry in ")
                .bytes(directory.path.bytes())
        })
    })?;
    let filled = fill(directory, &file, &path);
    let inode = filled.and_then(|()| paths::lstat(path.as_c_str()));
    match inode {
        Ok(status) => Ok(Some((path, status.inode))),
        Err(Errno::ENOENT) => Ok(None),
        Err(error) => {
            let _ = paths::unlink(path.as_c_str());
            Err(error)
        }
    }
}

#[cold]
#[inline(never)]
fn fill(directory: &Directory, file: &NamedFile<'_>, path: &SegmentPath) -> Result<()> {
    let mode = namespace::shared_mode(&directory.status);
    let base = file
        .set_size(SIZE as u64)
        .and_then(|()| file.set_mode(mode))
        .and_then(|()| file.map(PREFIX, map_prefix))
        .and_then(|base| {
            let reserved = reserve_prefix(base, path);
            if reserved.is_err() {
                // SAFETY: the mapping was made just now, and nobody uses it.
                let _ = unsafe { memory::munmap(base, PREFIX) };
            }
            reserved.map(|()| base)
        })
        .map_err(|error| match no_room(error) {
            Errno::ENOENT => Errno::ENOENT,
            error => log::write_error(error, |line| {
                line.str("no room for a registry in ")
                    .bytes(directory.path.bytes())
            }),
        })?;
    let mut written = write_header(at_base(base, 0));
    // On a disk, the header must be written before the name. Else a loss of power in between would leave a registry of
    // zeroes.
    if !files::statfs(path.as_c_str()).is_ok_and(|system| system.kind == TMPFS) {
        written = written.and_then(|()| memory::sync(base, PREFIX));
    }
    // SAFETY: the mapping was made here; the header is not used any more.
    unsafe { memory::munmap(base, PREFIX) }.and(written)
}

fn map_prefix(file: &File) -> Result<usize> {
    memory::map_bookkeeping(file.fd(), PREFIX, 0, READ_WRITE)
}

/// Memory for the prefix, behind which the file is sparse. Later, on a full file system, an access to it would be a
/// fault.
fn reserve_prefix(base: usize, path: &SegmentPath) -> Result<()> {
    match memory::populate(base, PREFIX) {
        Err(Errno::EINVAL) => reserve(path.as_c_str(), 0, PREFIX),
        other => other,
    }
}

#[cold]
#[inline(never)]
fn write_header(header: &Header) -> Result<()> {
    let limits = options::limits();
    let boot = boot::current()?;
    header.version.store(VERSION, Ordering::Relaxed);
    header
        .key_cells
        .store(cells_for(limits.shmmni), Ordering::Relaxed);
    header
        .boot
        .iter()
        .zip(boot.id)
        .for_each(|(word, half)| word.store(half, Ordering::Relaxed));
    header.made_at.store(boot.since_boot_ms, Ordering::Relaxed);
    header
        .booted_at
        .store(boot.booted_at as u64, Ordering::Relaxed);
    header.nonce.store(random::number(), Ordering::Relaxed);
    header
        .user_namespace
        .store(identity::user_namespace(), Ordering::Relaxed);
    header.born.store(clock::now() as u64, Ordering::Relaxed);
    header.shmmax.store(limits.shmmax, Ordering::Relaxed);
    header.shmall.store(limits.shmall, Ordering::Relaxed);
    header.shmmni.store(limits.shmmni, Ordering::Relaxed);
    header
        .rmid_forced
        .store(limits.rmid_forced.into(), Ordering::Relaxed);
    header
        .ids
        .store(super::ids::IdState::START.to_word(), Ordering::Relaxed);
    header
        .member_limit
        .store(MEMBERS_PER_FILE, Ordering::Relaxed);
    header.magic.store(MAGIC, Ordering::Release);
    Ok(())
}
