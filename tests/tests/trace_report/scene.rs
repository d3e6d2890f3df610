//! A recording of two programs and a fork that do a little of everything.

use partage_report::Recording;
use partage_trace_format::Call;
use partage_trace_format::header::{Origin, State, offset};
use partage_trace_format::payload::tag;

use crate::writer::TraceFile;

const KEY: u64 = 0x5eed;
/// Above the largest pid of any kernel: no process of this machine is meant.
pub(crate) const SERVER: u32 = 5_000_100;
pub(crate) const WORKER: u32 = 5_000_101;
pub(crate) const CLIENT: u32 = 5_000_200;

/// `-1` as an argument.
const MINUS_ONE: u64 = u64::MAX;

/// A `struct shmid_ds` of the segment.
fn status() -> Vec<u8> {
    let mut data = vec![0; 112];
    data[..4].copy_from_slice(&(KEY as u32).to_le_bytes());
    data[20..24].copy_from_slice(&0o640u32.to_le_bytes());
    data[48..56].copy_from_slice(&65536u64.to_le_bytes());
    data[80..84].copy_from_slice(&SERVER.to_le_bytes());
    data[88..96].copy_from_slice(&2u64.to_le_bytes());
    data
}

/// A file, and how its process ended.
type Part = (TraceFile, State, i32);

/// Makes a segment and two objects, forks, removes the segment and forgets an object.
fn server() -> Part {
    let mut file = TraceFile::new(SERVER, 1, Origin::Exec, 1_000_000, "/srv/bin/server");
    file.module(0x40_0000, "/srv/bin/server");
    file.at(1_010_000)
        .call(Call::Shmget, &[KEY, 65536, 0o3640], 7);
    file.caller = 0x40_1200;
    file.call(Call::Shmat, &[7, 0, 0, 65536], 0x7f00_0000_0000);
    file.named(Call::ShmOpen, &[0, 0o302, 0o600], 3, "/queue");
    file.call(Call::Ftruncate, &[3, 8192], 0);
    file.call(Call::Mmap, &[0, 8192, 3, 1, 3, 0], 0x7f00_0010_0000);
    file.call(Call::Close, &[3], 0);
    file.named(Call::MemfdCreate, &[0, 1], 4, "scratch");
    file.at(1_100_000).took = 80_000;
    file.call(Call::Fork, &[], i64::from(WORKER));
    file.took = 1_500;
    file.at(1_600_000);
    let data = status();
    file.record(
        Call::Shmctl,
        &[7, 2, 0x7ffe_0000],
        0,
        0,
        0,
        &[(tag::SHMID_DS, &data)],
    );
    file.at(2_000_000)
        .call(Call::Munmap, &[0x7f00_0010_0000, 4096], 0);
    file.at(2_500_000)
        .call(Call::Shmdt, &[0x7f00_0000_0000, 65536], 0);
    file.call(Call::Shmctl, &[7, 0, 0], 0);
    file.at(2_600_000).entered(Call::Exit, &[0], "");
    (file, State::Exited, 0)
}

/// Forked from the server; holds what it inherited until its end.
fn worker() -> Part {
    let mut file = TraceFile::new(WORKER, SERVER, Origin::Fork, 1_150_000, "/srv/bin/server");
    file.call(Call::Fork, &[], 0);
    file.tid = WORKER + 1;
    file.at(1_200_000)
        .call(Call::Shmat, &[7, 0, 0o10000, 65536], 0x7f00_0020_0000);
    file.failed(Call::Shmdt, &[0x1000, 0], 22, "");
    file.tid = WORKER;
    file.at(1_500_000)
        .call(Call::Shmdt, &[0x7f00_0020_0000, 65536], 0);
    file.entered(Call::UnderscoreExit, &[3], "");
    (file, State::Exited, 3)
}

/// Another program; finds the segment, fails here and there, and is killed.
fn client() -> Part {
    let mut file = TraceFile::new(CLIENT, 1, Origin::Exec, 1_300_000, "/usr/bin/client <new>");
    file.failed(Call::ShmOpen, &[0, 2, 0], 2, "/missing");
    file.failed(Call::Shmget, &[KEY, 99_999, 0], 22, "");
    file.call(Call::Shmget, &[KEY, 0, 0], 7);
    file.call(Call::Shmat, &[7, 0, 0, 65536], 0x7e00_0000_0000);
    file.failed(Call::Mmap, &[0, 4096, 1, 1, MINUS_ONE, 0], 9, "");
    file.named(Call::ShmUnlink, &[0], 0, "/left-over");
    file.torn();
    file.at(2_800_000).call(Call::Shmget, &[0, 4096, 0o1600], 8);
    file.long(offset::DROPPED, 2);
    (file, State::Running, 0)
}

/// The three of them.
pub(crate) fn recording() -> Recording {
    let parts = [server(), worker(), client()];
    Recording::of(
        parts
            .into_iter()
            .map(|(file, state, status)| file.image(state, status))
            .collect(),
    )
}

/// The bytes of their files.
pub(crate) fn files() -> Vec<Vec<u8>> {
    let parts = [server(), worker(), client()];
    parts
        .into_iter()
        .map(|(file, state, status)| file.bytes(state, status))
        .collect()
}

/// Many objects, some of them attached by several processes, some of them never removed.
pub(crate) fn crowd(objects: u64) -> Recording {
    const PROCESSES: u64 = 6;
    let mut calls: Vec<(u64, u64, Step)> = (0..objects)
        .flat_map(|number| life(number, PROCESSES))
        .collect();
    calls.sort_by_key(|(time, _, _)| *time);
    let files = (0..PROCESSES).map(|number| {
        let pid = SERVER + 100 + number as u32;
        let start = 1_000_000 + number * 1000;
        let mut file = TraceFile::new(pid, 1, Origin::Exec, start, "/usr/bin/crowd");
        for (time, process, step) in &calls {
            if *process == number {
                step(file.at(*time));
            }
        }
        file.image(State::Exited, 0)
    });
    Recording::of(files.collect())
}

/// Writes one call.
type Step = Box<dyn Fn(&mut TraceFile)>;

/// What happens to one segment of the crowd: when, by which process, what.
fn life(number: u64, processes: u64) -> Vec<(u64, u64, Step)> {
    let begin = 2_000_000 + number * 40_000;
    let (id, address) = (number + 10, 0x7000_0000_0000 + number * 0x100_0000);
    let size = 4096 << (number % 9);
    let maker = number % processes;
    let mut calls: Vec<(u64, u64, Step)> = Vec::new();
    let mut add = |time, process, step: Step| calls.push((time, process, step));
    let make: Step = Box::new(move |file| {
        file.call(Call::Shmget, &[0x1000 + number, size, 0o3600], id as i64);
    });
    add(begin, maker, make);
    for step in 0..=number % 4 {
        let process = (number + step) % processes;
        let from = begin + 5_000 + step * 30_000;
        let attach: Step = Box::new(move |file| {
            file.call(Call::Shmat, &[id, 0, 0, size], address as i64);
            if number.is_multiple_of(7) {
                file.failed(Call::Shmctl, &[id, 1, 0], 1, "");
            }
        });
        add(from, process, attach);
        let detach: Step = Box::new(move |file| {
            file.call(Call::Shmdt, &[address, size], 0);
        });
        add(from + 400_000 + number % 5 * 900_000, process, detach);
    }
    if number % 10 != 3 {
        let remove: Step = Box::new(move |file| {
            file.call(Call::Shmctl, &[id, 0, 0], 0);
        });
        add(begin + 3_000_000 + number % 3 * 2_000_000, maker, remove);
    }
    calls
}
