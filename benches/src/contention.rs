//! Many processes that attach and detach at the same time.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{ForkResult, Pid, alarm, fork};

use crate::batch::{Batch, Measured};
use crate::case::Share;
use crate::child::exit_at_once;
use crate::segment::{Api, Segment};

/// A process that takes part ends itself after so many seconds, whatever happens.
const PATIENCE: u32 = 120;

/// What the processes of a round share: memory of zeroes at first.
struct Round {
    ready: AtomicU32,
    /// When they were let go, on the monotonic clock; 0 before that. All times are in ns.
    start: AtomicU64,
    /// When the last was finished.
    end: AtomicU64,
    /// The longest that one iteration took.
    longest: AtomicU64,
}

pub(crate) struct Contention {
    processes: u32,
    segments: Vec<Segment>,
}

impl Contention {
    pub(crate) fn new(api: Api, processes: u32, share: Share) -> io::Result<Contention> {
        let count = if share == Share::Same { 1 } else { processes };
        let segments = (0..count).map(|_| Segment::new(api, 4096, false));
        Ok(Contention {
            processes,
            segments: segments.collect::<io::Result<_>>()?,
        })
    }
}

impl Batch for Contention {
    fn run(&mut self, times: u32) -> io::Result<Measured> {
        let shared = Shared::new()?;
        let round = shared.get();
        let mut children = Vec::new();
        for (_, segment) in (0..self.processes).zip(self.segments.iter().cycle()) {
            // SAFETY: this process has one thread.
            match unsafe { fork() }? {
                ForkResult::Child => {
                    let done = take_part(segment, round, times);
                    exit_at_once(i32::from(done.is_err()));
                }
                ForkResult::Parent { child } => children.push(child),
            }
        }
        while round.ready.load(Ordering::SeqCst) < self.processes {
            std::thread::yield_now();
        }
        let start = now()?;
        round.start.store(start, Ordering::SeqCst);
        wait_for(&children)?;
        let wall = Duration::from_nanos(round.end.load(Ordering::SeqCst).saturating_sub(start));
        Ok(Measured {
            taken: wall / self.processes,
            longest: Duration::from_nanos(round.longest.load(Ordering::SeqCst)),
        })
    }
}

fn take_part(segment: &Segment, round: &Round, times: u32) -> io::Result<()> {
    alarm::set(PATIENCE);
    let first = segment.attach().and_then(|attached| attached.detach());
    round.ready.fetch_add(1, Ordering::SeqCst);
    first?;
    while round.start.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let mut before = now()?;
    let mut longest = 0;
    for _ in 0..times {
        segment.attach()?.detach()?;
        let after = now()?;
        longest = longest.max(after - before);
        before = after;
    }
    round.end.fetch_max(before, Ordering::SeqCst);
    round.longest.fetch_max(longest, Ordering::SeqCst);
    Ok(())
}

fn now() -> io::Result<u64> {
    let time = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
    u64::try_from(time.as_nanos()).map_err(io::Error::other)
}

fn wait_for(children: &[Pid]) -> io::Result<()> {
    for &child in children {
        match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => {}
            other => return Err(io::Error::other(format!("a process failed: {other:?}"))),
        }
    }
    Ok(())
}

/// A round's memory.
struct Shared(NonNull<Round>);

impl Shared {
    fn new() -> io::Result<Shared> {
        let len = NonZeroUsize::new(size_of::<Round>()).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory, shared with children only.
        let start = unsafe { mmap_anonymous(None, len, access, MapFlags::MAP_SHARED) }?;
        Ok(Shared(start.cast()))
    }

    fn get(&self) -> &Round {
        // SAFETY: the memory is a page of zeroes, which are values of these atomics, as long as `self`.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: no reference outlives `self`.
        let _ = unsafe { munmap(self.0.cast(), size_of::<Round>()) };
    }
}
