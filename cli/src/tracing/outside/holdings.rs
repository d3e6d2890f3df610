//! What a process has of shared memory: descriptors, and ranges of its address space.

use super::paths;
use partage_report::alive;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

const MEMFD: &[u8] = b"/memfd:";
const SYSV: &[u8] = b"/SYSV";

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

/// Whole pages.
fn pages(len: u64) -> u64 {
    const PAGE: u64 = 4096;
    len.max(1).checked_next_multiple_of(PAGE).unwrap_or(len)
}

impl Holdings {
    /// Whether the descriptor stands for shared memory.
    pub(super) fn has(&self, fd: i32) -> bool {
        self.descriptors.contains(&fd)
    }

    /// The descriptor stands for shared memory from now on.
    pub(super) fn keep(&mut self, fd: i32) {
        self.descriptors.insert(fd);
    }

    /// The descriptor is closed, or stands for something else.
    pub(super) fn forget(&mut self, fd: i32) {
        self.descriptors.remove(&fd);
    }

    /// The length of what is mapped from this address on.
    pub(super) fn len_at(&self, start: u64) -> u64 {
        self.ranges.get(&start).map_or(0, |end| end - start)
    }

    /// Whether a part of this range is shared memory.
    pub(super) fn meets(&self, start: u64, len: u64) -> bool {
        let end = start.saturating_add(pages(len));
        let mut below = self.ranges.range(..end);
        below.next_back().is_some_and(|(_, last)| *last > start)
    }

    /// This range is something else from now on.
    pub(super) fn unmap(&mut self, start: u64, len: u64) {
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

    /// This range is shared memory from now on.
    pub(super) fn map(&mut self, start: u64, len: u64) {
        self.unmap(start, len);
        self.ranges.insert(start, start.saturating_add(pages(len)));
    }

    /// The segment that was attached at this address is not mapped any more.
    pub(super) fn detach(&mut self, start: u64) {
        self.ranges.remove(&start);
    }

    /// Looks at what a descriptor of a process stands for, and keeps it if that is shared memory.
    pub(super) fn examine(&mut self, pid: u32, fd: i32) -> Option<Found> {
        let path = alive::directory(pid).join(format!("fd/{fd}"));
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
        let entries = fs::read_dir(alive::directory(pid).join("fd"))
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

    /// Shared memory that is mapped already, of a process that is taken hold of.
    pub(super) fn find_mappings(&mut self, pid: u32) {
        let maps = alive::maps(pid);
        for line in String::from_utf8_lossy(&maps).lines() {
            let mut fields = line.split_ascii_whitespace();
            let range = fields.next().and_then(|range| range.split_once('-'));
            let shared = fields.next().is_some_and(|mode| mode.ends_with('s'));
            let path = fields.nth(3).unwrap_or_default();
            let is_ours = |path: &[u8]| {
                paths::is_shared(path) || path.starts_with(MEMFD) || path.starts_with(SYSV)
            };
            if let Some((start, end)) = range
                && shared
                && is_ours(path.as_bytes())
                && let Ok(start) = u64::from_str_radix(start, 16)
                && let Ok(end) = u64::from_str_radix(end, 16)
            {
                self.ranges.insert(start, end);
            }
        }
    }
}
