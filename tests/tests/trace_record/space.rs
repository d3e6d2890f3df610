//! Bounded space: a full disk, a limit on files, a ring.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use partage_trace_format::header::State;
use partage_trace_format::{Call, FormatError, HEADER_SIZE, SLOT_SIZE, Trace};

use crate::run::{Traced, numbered};

/// A small file system, unmounted with its owner.
struct SmallDisk(CString);

impl SmallDisk {
    /// Mounts one; None where that is not allowed.
    fn mount(dir: &Path, kind: &str, options: &str) -> Option<Self> {
        let target = CString::new(dir.as_os_str().as_bytes()).unwrap();
        let (kind, options) = (CString::new(kind).unwrap(), CString::new(options).unwrap());
        let name = kind.as_ptr();
        // SAFETY: all are C strings that live until the call returns.
        let done = unsafe { libc::mount(name, target.as_ptr(), name, 0, options.as_ptr().cast()) };
        (done == 0).then_some(SmallDisk(target))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // SAFETY: a C string.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn a_full_disk_stops_the_recording_and_not_the_program() {
    for size in ["100k", "300k", "1500k", "3m"] {
        let traced = Traced::new("loop", &[]).args(&["50000"]);
        let Some(_disk) =
            SmallDisk::mount(&traced.scratch.traces(), "tmpfs", &format!("size={size}"))
        else {
            println!("may not mount");
            return;
        };
        let outcome = traced.run();
        let trace = outcome.only();
        let header = trace.header();
        assert!(header.stopped(), "{size}");
        assert_eq!(
            (header.stop_errno, header.state),
            (libc::ENOSPC, State::Exited)
        );
        let numbers = &numbered(&trace)[&0];
        // What there was space for is there, without a gap, and the rest is counted.
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(at, number)| at as u64 == *number)
        );
        assert_eq!(numbers.len() as u64 + header.unrecorded_slots(), 50_000 + 1);
    }
}

#[test]
fn a_disk_without_room_for_the_start_leaves_a_file_that_says_so() {
    let traced = Traced::new("loop", &[]).args(&["1000"]);
    let Some(_disk) = SmallDisk::mount(&traced.scratch.traces(), "tmpfs", "size=40k") else {
        println!("may not mount");
        return;
    };
    let outcome = traced.run();
    assert!(matches!(
        Trace::parse(&outcome.files[0]),
        Err(FormatError::NotATrace | FormatError::TooShort)
    ));
}

#[test]
fn a_file_system_that_cannot_allocate_ahead_serves_too() {
    let mut traced = Traced::new("loop", &[]).args(&["30000"]);
    let Some(_disk) = SmallDisk::mount(&traced.scratch.traces(), "ramfs", "") else {
        println!("may not mount");
        return;
    };
    let path = traced.scratch.traces();
    assert!(traced.command.status().unwrap().success());
    // Its files are as long as can be, all hole but the start.
    let file = std::fs::read_dir(path)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = vec![0; HEADER_SIZE + 31_000 * SLOT_SIZE];
    std::io::Read::read_exact(&mut std::fs::File::open(file).unwrap(), &mut bytes).unwrap();
    assert_eq!(numbered(&Trace::parse(&bytes).unwrap())[&0].len(), 30_000);
}

#[test]
fn what_was_recorded_stays_out_of_the_programs_memory() {
    // 25 MB of records.
    let outcome = Traced::new("loop", &[]).args(&["200000", "memory"]).run();
    let trace = outcome.only();
    assert_eq!(trace.header().exit_status, 0);
    assert_eq!(numbered(&trace)[&0].len(), 200_000);
}

#[test]
fn a_limit_on_file_size_stops_the_recording_and_not_the_program() {
    use std::os::unix::process::CommandExt;
    let mut traced = Traced::new("loop", &[]).args(&["50000"]);
    let limit = libc::rlimit {
        rlim_cur: 3 << 20,
        rlim_max: 3 << 20,
    };
    // SAFETY: setrlimit only reads the struct; it is safe to call after fork.
    unsafe {
        traced.command.pre_exec(move || {
            match libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let outcome = traced.run();
    let trace = outcome.only();
    assert!(trace.header().stopped());
    assert_eq!(trace.header().stop_errno, libc::EFBIG);
    assert_eq!(
        numbered(&trace)[&0].len() as u64 + trace.header().unrecorded_slots(),
        50_000 + 1
    );
}

#[test]
fn a_ring_keeps_the_newest_in_the_space_it_was_given() {
    let size = 256 << 10;
    let outcome = Traced::new("loop", &[])
        .args(&["50000"])
        .env("PARTAGE_TRACE_RING", "256K")
        .run();
    let trace = outcome.only();
    assert_eq!(outcome.files[0].len(), HEADER_SIZE + size);
    assert_eq!(trace.header().ring_slots, (size / SLOT_SIZE) as u64);
    let records: Vec<_> = trace.records().collect();
    // The last of all is the exit; before it, the last calls, without a gap.
    assert_eq!(records.last().unwrap().call, Ok(Call::Exit));
    let numbers = &numbered(&trace)[&0];
    // Code is recorded again before it is overwritten: a few records, of two slots each at least.
    let code = records
        .iter()
        .filter(|record| record.call == Ok(Call::Module));
    let others = code.count() + 1;
    assert!((2..32).contains(&others), "{others}");
    assert_eq!(numbers.len() + others, records.len());
    assert!(numbers.len() + 64 > size / SLOT_SIZE);
    let first = 50_000 - numbers.len() as u64;
    assert!(
        numbers
            .iter()
            .enumerate()
            .all(|(at, number)| first + at as u64 == *number)
    );
}

#[test]
fn threads_in_a_ring_never_mix_records() {
    let outcome = Traced::new("threads", &[])
        .args(&["8", "50000"])
        .env("PARTAGE_TRACE_RING", "64K")
        .run();
    let trace = outcome.only();
    let mut last = [None; 9];
    let mut count = 0;
    for record in trace
        .records()
        .filter(|record| record.call == Ok(Call::Shmdt))
    {
        let (thread, call) = (
            (record.args[0] >> 32) as usize,
            (record.args[0] & u64::from(u32::MAX)) >> 1,
        );
        assert!(last[thread].is_none_or(|(before, tid)| before < call && tid == record.tid));
        assert_eq!((record.result, record.errno), (-1, libc::EINVAL));
        last[thread] = Some((call, record.tid));
        count += 1;
    }
    assert!(count > 400, "{count}");
}
