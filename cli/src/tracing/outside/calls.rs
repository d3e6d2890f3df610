//! What the system calls mean, and what of a process is shared memory: descriptors and address space.

use super::paths::{self, Seen, here};
use super::stop;
use partage_trace_format::Call;
use partage_trace_format::payload::{NAME_MAX, tag};
use partage_trace_format::structs::{File, SHM_INFO_SIZE, SHMID_DS_SIZE, SHMINFO_SIZE};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// The calls that stop, but for shared `mmap`.
pub(super) const STOPS: &[libc::c_long] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmdt,
    libc::SYS_shmctl,
    libc::SYS_memfd_create,
    libc::SYS_openat,
    libc::SYS_unlinkat,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
];

const DEV_SHM: &[u8] = b"/dev/shm/";
const MEMFD: &[u8] = b"/memfd:";
const SYSV: &[u8] = b"/SYSV";

/// A call under way, as it will be recorded.
pub(super) struct Begun {
    pub(super) seen: Seen,
    pub(super) time: u64,
    pub(super) caller: u64,
}

/// A tagged piece of payload.
pub(super) type Piece = (u16, Vec<u8>);

/// A descriptor that stands for shared memory, as `/proc/PID/fd` tells.
pub(super) struct Found {
    pub(super) fd: i32,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) link: Vec<u8>,
    /// Not a directory among the objects.
    pub(super) is_file: bool,
}

/// What a process has of shared memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    descriptors: BTreeSet<i32>,
    /// Start → end.
    ranges: BTreeMap<u64, u64>,
}

/// A C `int` argument as a record has it.
fn signed(arg: u64) -> u64 {
    arg as i32 as i64 as u64
}

/// Whole pages.
fn pages(len: u64) -> u64 {
    const PAGE: u64 = 4096;
    len.max(1).checked_next_multiple_of(PAGE).unwrap_or(len)
}

impl Holdings {
    fn meets(&self, start: u64, len: u64) -> bool {
        let end = start.saturating_add(pages(len));
        let mut below = self.ranges.range(..end);
        below.next_back().is_some_and(|(_, last)| *last > start)
    }

    fn cut(&mut self, start: u64, len: u64) {
        let end = start.saturating_add(pages(len));
        let met: Vec<(u64, u64)> = self
            .ranges
            .range(..end)
            .filter(|(_, last)| **last > start)
            .map(|(first, last)| (*first, *last))
            .collect();
        for (first, last) in met {
            self.ranges.remove(&first);
            if first < start {
                self.ranges.insert(first, start);
            }
            if last > end {
                self.ranges.insert(end, last);
            }
        }
    }

    fn enter(&mut self, start: u64, len: u64) {
        self.ranges.insert(start, start.saturating_add(pages(len)));
    }

    /// Looks at what a descriptor of a process stands for, and keeps it if that is shared memory.
    pub(super) fn examine(&mut self, pid: u32, fd: i32) -> Option<Found> {
        let path = format!("/proc/{pid}/fd/{fd}");
        let link = fs::read_link(&path).ok()?.as_os_str().as_bytes().to_vec();
        if !paths::is_shared(&link) && !link.starts_with(MEMFD) {
            return None;
        }
        let data = fs::metadata(&path).ok();
        let of = |value: fn(&fs::Metadata) -> u64| data.as_ref().map_or(0, value);
        self.descriptors.insert(fd);
        Some(Found {
            fd,
            device: of(MetadataExt::dev),
            inode: of(MetadataExt::ino),
            size: of(MetadataExt::size),
            link,
            is_file: data.as_ref().is_some_and(fs::Metadata::is_file),
        })
    }

    /// All descriptors of shared memory that a process has open.
    pub(super) fn examine_all(&mut self, pid: u32) -> Vec<Found> {
        let entries = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten();
        let numbers = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut numbers: Vec<i32> = numbers.collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter_map(|fd| self.examine(pid, fd))
            .collect()
    }

    /// Forgets the address space: another program has taken its place.
    pub(super) fn executed(&mut self) {
        *self = Self::default();
    }

    /// A call of thread `tid` that begins; None if it has nothing to do with shared memory. Looking may find a
    /// descriptor that came unseen.
    pub(super) fn begins(
        &mut self,
        tid: i32,
        pid: u32,
        number: i64,
        args: [u64; 6],
    ) -> (Option<Seen>, Option<Found>) {
        let [a, b, c, d, ..] = args;
        let open = |fd: u64| self.descriptors.contains(&(fd as i32));
        let plain = |call, args| Some(Seen::plain(call, args));
        let creates = |flags: u64, mode: u64| {
            if flags as i32 & libc::O_CREAT != 0 {
                mode
            } else {
                0
            }
        };
        let begun = match number {
            libc::SYS_shmget => plain(Call::Shmget, [signed(a), b, signed(c), 0, 0, 0]),
            libc::SYS_shmat => plain(Call::Shmat, [signed(a), b, signed(c), 0, 0, 0]),
            libc::SYS_shmdt => {
                let len = self.ranges.get(&a).map_or(0, |end| end - a);
                plain(Call::Shmdt, [a, len, 0, 0, 0, 0])
            }
            libc::SYS_shmctl => plain(Call::Shmctl, [signed(a), signed(b), c, 0, 0, 0]),
            libc::SYS_memfd_create => {
                let name = stop::text(tid, a, NAME_MAX);
                Some(Seen::named(Call::MemfdCreate, [a, b, 0, 0, 0, 0], name))
            }
            libc::SYS_openat => {
                let args = [signed(a), b, signed(c), creates(c, d), 0, 0];
                paths::open(tid, Call::Openat, args, (a, b), c)
            }
            libc::SYS_unlinkat => {
                let args = [signed(a), b, signed(c), 0, 0, 0];
                paths::unlink(tid, Call::Unlinkat, args, (a, b))
            }
            libc::SYS_renameat2 => paths::moved(tid, Call::Rename, args[4], (a, b), (c, d)),
            libc::SYS_linkat => paths::moved(tid, Call::Link, 0, (a, b), (c, d)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_renameat => paths::moved(tid, Call::Rename, 0, (a, b), (c, d)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => paths::moved(tid, Call::Rename, 0, here(a), here(b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_link => paths::moved(tid, Call::Link, 0, here(a), here(b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => {
                let args = [a, signed(b), creates(b, c), 0, 0, 0];
                paths::open(tid, Call::Open, args, here(a), b)
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_creat => {
                let flags = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64;
                paths::open(tid, Call::Open, [a, flags, b, 0, 0, 0], here(a), flags)
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink => paths::unlink(tid, Call::Unlink, [a, 0, 0, 0, 0, 0], here(a)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_dup2 if open(a) || open(b) => {
                let replaced = u64::from(open(b) && a as i32 != b as i32);
                plain(Call::Dup2, [signed(a), signed(b), replaced, 0, 0, 0])
            }
            libc::SYS_dup3 if open(a) || open(b) => {
                let args = [signed(a), signed(b), signed(c), u64::from(open(b)), 0, 0];
                plain(Call::Dup3, args)
            }
            libc::SYS_dup if open(a) => plain(Call::Dup, [signed(a), 0, 0, 0, 0, 0]),
            libc::SYS_fcntl if open(a) && is_recorded(b as i32) => {
                plain(Call::Fcntl, [signed(a), signed(b), c, 0, 0, 0])
            }
            libc::SYS_close if open(a) => plain(Call::Close, [signed(a), 0, 0, 0, 0, 0]),
            libc::SYS_ftruncate if open(a) => plain(Call::Ftruncate, [signed(a), b, 0, 0, 0, 0]),
            libc::SYS_fallocate if open(a) => {
                plain(Call::Fallocate, [signed(a), signed(b), c, d, 0, 0])
            }
            libc::SYS_munmap if self.meets(a, b) => plain(Call::Munmap, [a, b, 0, 0, 0, 0]),
            libc::SYS_mremap if self.meets(a, b) => plain(Call::Mremap, args),
            libc::SYS_mmap => return self.maps(pid, args),
            _ => None,
        };
        (begun, None)
    }

    /// A shared mapping of a descriptor; it may have come over a socket.
    fn maps(&mut self, pid: u32, args: [u64; 6]) -> (Option<Seen>, Option<Found>) {
        let [address, len, prot, flags, fd, offset] = args;
        let shared =
            flags as i32 & libc::MAP_SHARED != 0 && flags as i32 & libc::MAP_ANONYMOUS == 0;
        if !shared {
            return (None, None);
        }
        let known = self.descriptors.contains(&(fd as i32));
        let found = if known {
            None
        } else {
            self.examine(pid, fd as i32)
        };
        let args = [
            address,
            len,
            signed(prot),
            signed(flags),
            signed(fd),
            offset,
        ];
        let begun = (known || found.is_some()).then(|| Seen::plain(Call::Mmap, args));
        (begun, found)
    }

    /// A call has ended with this result: what the process has now. What the call found out goes into its arguments
    /// and its payload. None if it turns out to have nothing to do with shared memory.
    pub(super) fn ends(
        &mut self,
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
                return self.opened(pid, fd, begun).map(Some);
            }
            Call::Shmat => {
                let size = segment_size(a as i32);
                begun.args[3] = size;
                self.cut(result as u64, size);
                self.enter(result as u64, size);
            }
            Call::Shmdt => drop(self.ranges.remove(&a)),
            Call::Link | Call::Rename => {
                let path = begun.second_name.as_deref().unwrap_or_default();
                return Some(file_at(path));
            }
            Call::Shmctl => return Some(structure(tid, b as i32, c)),
            Call::Dup => drop(self.descriptors.insert(fd)),
            Call::Fcntl if b as i32 == libc::F_SETFD || b as i32 == libc::F_ADD_SEALS => {}
            Call::Fcntl => drop(self.descriptors.insert(fd)),
            Call::Dup2 | Call::Dup3 => {
                if self.descriptors.contains(&(a as i32)) {
                    self.descriptors.insert(fd);
                } else {
                    self.descriptors.remove(&fd);
                }
            }
            Call::Close => drop(self.descriptors.remove(&(a as i32))),
            Call::Mmap => {
                self.cut(result as u64, b);
                self.enter(result as u64, b);
                return Some(unusual_size(pid, begun.args[4] as i32, b));
            }
            Call::Munmap => self.cut(a, b),
            Call::Mremap => {
                if b != 0 && d as i32 & libc::MREMAP_DONTUNMAP == 0 {
                    self.cut(a, b);
                }
                self.cut(result as u64, c);
                self.enter(result as u64, c);
            }
            _ => {}
        }
        Some(None)
    }

    /// What a new descriptor stands for; None if that is no shared memory.
    fn opened(&mut self, pid: u32, fd: i32, begun: &mut Seen) -> Option<Piece> {
        self.descriptors.remove(&fd);
        let is_file = |found: &Found| found.is_file;
        let found = self.examine(pid, fd).filter(is_file);
        let Some(found) = found else {
            self.descriptors.remove(&fd);
            return None;
        };
        if begun.doubtful {
            begun.name = Some(found.link);
        }
        Some(piece(found.device, found.inode, found.size))
    }

    /// Shared memory that is mapped already, of a process that is taken hold of.
    pub(super) fn find_mappings(&mut self, pid: u32) {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        for line in maps.lines() {
            let mut fields = line.split_ascii_whitespace();
            let range = fields.next().and_then(|range| range.split_once('-'));
            let shared = fields.next().is_some_and(|mode| mode.ends_with('s'));
            let path = fields.nth(3).unwrap_or_default();
            let ours = [DEV_SHM, MEMFD, SYSV];
            if let Some((start, end)) = range
                && shared
                && ours.iter().any(|start| path.as_bytes().starts_with(start))
                && let Ok(start) = u64::from_str_radix(start, 16)
                && let Ok(end) = u64::from_str_radix(end, 16)
            {
                self.ranges.insert(start, end);
            }
        }
    }
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
    let data = fs::metadata(format!("/proc/{pid}/fd/{fd}")).ok()?;
    (data.size() != len).then(|| piece(data.dev(), data.ino(), data.size()))
}

/// What a path leads to.
fn file_at(path: &[u8]) -> Option<Piece> {
    let data = fs::symlink_metadata(OsStr::from_bytes(path)).ok()?;
    data.is_file()
        .then(|| piece(data.dev(), data.ino(), data.size()))
}

fn is_recorded(command: i32) -> bool {
    matches!(
        command,
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | libc::F_SETFD | libc::F_ADD_SEALS
    )
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
