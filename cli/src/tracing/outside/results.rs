//! What a system call has changed: what its process has of shared memory now, and what its record tells beside the
//! arguments.

use super::holdings::{Found, Holdings};
use super::paths::Seen;
use super::stop;
use partage_report::alive;
use partage_trace_format::Call;
use partage_trace_format::payload::tag;
use partage_trace_format::structs::{File, SHM_INFO_SIZE, SHMID_DS_SIZE, SHMINFO_SIZE};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// A tagged piece of payload.
pub(super) type Piece = (u16, Vec<u8>);

/// A call has ended with this result: what the process has now. What the call found out goes into its arguments
/// and its payload. None if it turns out to have nothing to do with shared memory.
pub(super) fn ends(
    holdings: &mut Holdings,
    tid: i32,
    pid: u32,
    begun: &mut Seen,
    result: i64,
) -> Option<Option<Piece>> {
    let [a, b, c, d, ..] = begun.args;
    if result < 0 {
        return (!begun.doubtful).then_some(None);
    }
    let fd = result as i32;
    match begun.call {
        Call::MemfdCreate | Call::Open | Call::Openat => {
            return opened(holdings, pid, fd, begun).map(Some);
        }
        Call::Shmat => {
            let size = segment_size(a as i32);
            begun.args[3] = size;
            holdings.map(result as u64, size);
        }
        Call::Shmdt => holdings.detach(a),
        Call::Link | Call::Rename => {
            let path = begun.second_name.as_deref().unwrap_or_default();
            return Some(file_at(path));
        }
        Call::Shmctl => return Some(structure(tid, b as i32, c)),
        Call::Dup => holdings.keep(fd),
        Call::Fcntl if b as i32 == libc::F_SETFD || b as i32 == libc::F_ADD_SEALS => {}
        Call::Fcntl => holdings.keep(fd),
        Call::Dup2 | Call::Dup3 => {
            if holdings.has(a as i32) {
                holdings.keep(fd);
            } else {
                holdings.forget(fd);
            }
        }
        Call::Close => holdings.forget(a as i32),
        Call::Mmap => {
            holdings.map(result as u64, b);
            return Some(unusual_size(pid, begun.args[4] as i32, b));
        }
        Call::Munmap => holdings.unmap(a, b),
        Call::Mremap => {
            if b != 0 && d as i32 & libc::MREMAP_DONTUNMAP == 0 {
                holdings.unmap(a, b);
            }
            holdings.map(result as u64, c);
        }
        _ => {}
    }
    Some(None)
}

/// What a new descriptor stands for; None if that is no shared memory.
fn opened(holdings: &mut Holdings, pid: u32, fd: i32, begun: &mut Seen) -> Option<Piece> {
    holdings.forget(fd);
    let is_file = |found: &Found| found.is_file;
    let found = holdings.examine(pid, fd).filter(is_file);
    let Some(found) = found else {
        holdings.forget(fd);
        return None;
    };
    if begun.doubtful {
        begun.name = Some(found.link);
    }
    Some(piece(found.device, found.inode, found.size))
}

/// What tells a file from all others.
fn piece(device: u64, inode: u64, size: u64) -> Piece {
    let file = File {
        device,
        inode,
        size,
    };
    (tag::FILE, file.to_bytes().to_vec())
}

/// What a descriptor stands for that was mapped, unless all of it was: it may have come to its size by a write.
fn unusual_size(pid: u32, fd: i32, len: u64) -> Option<Piece> {
    let data = fs::metadata(alive::directory(pid).join(format!("fd/{fd}"))).ok()?;
    (data.size() != len).then(|| piece(data.dev(), data.ino(), data.size()))
}

/// What a path leads to.
fn file_at(path: &[u8]) -> Option<Piece> {
    let data = fs::symlink_metadata(OsStr::from_bytes(path)).ok()?;
    data.is_file()
        .then(|| piece(data.dev(), data.ino(), data.size()))
}

/// The size of a segment in bytes; 0 if it may not be read.
fn segment_size(id: i32) -> u64 {
    // SAFETY: all zeros is a valid shmid_ds.
    let mut data: libc::shmid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: `data` is writable.
    match unsafe { libc::shmctl(id, libc::IPC_STAT, &raw mut data) } {
        0 => data.shm_segsz as u64,
        _ => 0,
    }
}

/// What a command of shmctl has read or filled in.
fn structure(tid: i32, command: i32, address: u64) -> Option<(u16, Vec<u8>)> {
    use libc::{IPC_INFO, IPC_SET, IPC_STAT, SHM_INFO, SHM_STAT, SHM_STAT_ANY};
    let (tag, len) = match command {
        IPC_STAT | IPC_SET | SHM_STAT | SHM_STAT_ANY => (tag::SHMID_DS, SHMID_DS_SIZE),
        IPC_INFO => (tag::SHMINFO, SHMINFO_SIZE),
        SHM_INFO => (tag::SHM_INFO, SHM_INFO_SIZE),
        _ => return None,
    };
    let mut bytes = vec![0; len];
    (stop::read(tid, address, &mut bytes) == len).then_some((tag, bytes))
}
