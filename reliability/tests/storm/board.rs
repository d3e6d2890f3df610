//! What the workers and the one who starts them share.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

/// Workers at a time.
pub(crate) const WORKERS: usize = 32;
/// Removed segments whose ids are handed around.
const REMOVED: usize = 8;

#[derive(Default)]
#[repr(C)]
struct Words {
    pause: AtomicBool,
    parked: [AtomicBool; WORKERS],
    calls: AtomicU64,
    forks: AtomicU64,
    execs: AtomicU64,
    lives: AtomicU64,
    /// The process group that all workers and their children are in.
    group: AtomicI32,
    removed: [AtomicI32; REMOVED],
}

/// The shared words, mapped for as long as this process lives.
pub(crate) struct Board(&'static Words);

impl Board {
    /// Makes the file.
    pub(crate) fn make(path: &Path) -> Board {
        let _ = std::fs::write(path, vec![0; size_of::<Words>()]);
        Board::open(path)
    }

    /// Maps the file; a process that cannot is of no use and ends.
    pub(crate) fn open(path: &Path) -> Board {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let file = OpenOptions::new().read(true).write(true).open(path);
        let mapped = file.map(|file| {
            let len = size_of::<Words>();
            // SAFETY: the kernel chooses a free range.
            unsafe {
                libc::mmap(
                    null_mut(),
                    len,
                    protection,
                    libc::MAP_SHARED,
                    file.as_raw_fd(),
                    0,
                )
            }
        });
        match mapped {
            Ok(address) if address != libc::MAP_FAILED => {
                // SAFETY: the file is as large as the words, which are atomic, and the mapping stays.
                Board(unsafe { &*address.cast::<Words>() })
            }
            _ => std::process::exit(3),
        }
    }

    pub(crate) fn pause(&self, pause: bool) {
        self.0.pause.store(pause, Ordering::SeqCst);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.0.pause.load(Ordering::SeqCst)
    }

    pub(crate) fn set_group(&self, group: i32) {
        self.0.group.store(group, Ordering::SeqCst);
    }

    pub(crate) fn group(&self) -> i32 {
        self.0.group.load(Ordering::SeqCst)
    }

    /// Hands the id of a removed segment to the others, in a place of the caller's choice.
    pub(crate) fn hand_out(&self, place: usize, id: i32) {
        if let Some(word) = self.0.removed.get(place % REMOVED) {
            word.store(id, Ordering::Relaxed);
        }
    }

    /// A removed segment's id, or 0.
    pub(crate) fn handed_out(&self, place: usize) -> i32 {
        let word = self.0.removed.get(place % REMOVED);
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    }

    pub(crate) fn set_parked(&self, slot: usize, parked: bool) {
        if let Some(place) = self.0.parked.get(slot) {
            place.store(parked, Ordering::SeqCst);
        }
    }

    pub(crate) fn is_parked(&self, slot: usize) -> bool {
        self.0
            .parked
            .get(slot)
            .is_some_and(|place| place.load(Ordering::SeqCst))
    }

    /// A number for a process's life, never the same twice.
    pub(crate) fn new_life(&self) -> u64 {
        self.0.lives.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn count_call(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_fork(&self) {
        self.0.forks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_exec(&self) {
        self.0.execs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn forks(&self) -> u64 {
        self.0.forks.load(Ordering::Relaxed)
    }

    pub(crate) fn execs(&self) -> u64 {
        self.0.execs.load(Ordering::Relaxed)
    }
}
