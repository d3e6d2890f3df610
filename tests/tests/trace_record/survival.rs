//! What is left after the worst moments to die.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use partage_trace_format::header::State;
use partage_trace_format::{Call, Trace};

use crate::run::{Traced, killed_by, numbered, read_files};

const KILLS: u32 = 100;
const THREADS: usize = 2;

/// The counters that a traced program raises after each call.
struct Counters(*const AtomicU64);

impl Counters {
    fn map(path: &Path) -> Self {
        fs::write(path, [0; 4096]).unwrap();
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let (protection, sharing) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping of the file just made, at an address of the kernel's choice.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                protection,
                sharing,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(at, libc::MAP_FAILED);
        Counters(at.cast())
    }

    fn get(&self, thread: usize) -> u64 {
        assert!(thread < THREADS);
        // SAFETY: within the page, which stays mapped while self lives; others change it by atomics only.
        unsafe { (*self.0.add(thread)).load(Ordering::SeqCst) }
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        // SAFETY: mapped in `map`, with this length; nobody uses it any more.
        unsafe { libc::munmap(self.0.cast_mut().cast(), 4096) };
    }
}

/// A delay that differs from kill to kill: early in the start-up as well as deep in the run.
fn delay(kill: u32) -> Duration {
    let spread = u64::from(kill).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    Duration::from_micros(spread % 40_000)
}

#[test]
fn a_hundred_kills_lose_no_record() {
    let mut records_seen = 0;
    for kill in 0..KILLS {
        let mut traced = Traced::new("counter", &[]);
        let path = traced.scratch.0.join("counters");
        let counters = Counters::map(&path);
        traced.command.arg(&path).arg(THREADS.to_string());
        let mut child = traced.command.spawn().unwrap();
        // Half of the kills wait for the first counted call; the others fall where they fall.
        while kill % 2 == 0 && counters.get(0) == 0 {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the program ended by itself"
            );
            std::thread::yield_now();
        }
        std::thread::sleep(delay(kill));
        child.kill().unwrap();
        assert!(killed_by(child.wait().unwrap(), libc::SIGKILL));
        let files = read_files(&traced.scratch.traces());
        let trace = files.first().and_then(|file| Trace::parse(file).ok());
        let series = trace.map(|trace| numbered(&trace)).unwrap_or_default();
        for thread in 0..THREADS {
            let recorded = series
                .get(&(thread as u64 + 1))
                .map_or(&[][..], Vec::as_slice);
            let counted = counters.get(thread);
            // The last call may have been recorded and not counted.
            assert!(
                (counted..=counted + 1).contains(&(recorded.len() as u64)),
                "{counted} {}",
                recorded.len()
            );
            assert!(
                recorded
                    .iter()
                    .enumerate()
                    .all(|(at, number)| at as u64 == *number)
            );
            records_seen += recorded.len();
        }
    }
    assert!(
        records_seen > 10_000,
        "{records_seen}: the kills came too early to mean anything"
    );
}

#[test]
fn a_crash_keeps_everything() {
    let outcome = Traced::new("loop", &[])
        .args(&["1000", "crash"])
        .run_to_end();
    let status = outcome.ended.status.unwrap();
    assert!(killed_by(status, libc::SIGILL) || killed_by(status, libc::SIGTRAP));
    let trace = outcome.only();
    assert_eq!(numbered(&trace)[&0].len(), 1000);
    assert_eq!(trace.header().state, State::Running);
}

#[test]
fn a_program_that_closes_every_descriptor_goes_on_recording() {
    // More than the first window of the file holds: the file is found again by its name.
    let outcome = Traced::new("loop", &[]).args(&["30000", "close"]).run();
    let trace = outcome.only();
    let numbers = &numbered(&trace)[&0];
    assert_eq!(numbers.len(), 30000);
    assert!(trace.records().all(|record| record.call != Ok(Call::Close)));
}
