//! The decoder on damaged files: it may lose records, it may not panic, hang or walk out of the bytes.

use partage_tests::random::Random;
use partage_trace_format::{HEADER_SIZE, SLOT_SIZE, Trace};

use crate::run::Traced;

const ROUNDS: u32 = 20_000;

/// Reads everything that the decoder offers; how many records it found.
fn read_all(bytes: &[u8]) -> usize {
    let Ok(trace) = Trace::parse(bytes) else {
        return 0;
    };
    assert!(trace.header().arguments().count() <= HEADER_SIZE);
    let mut records = trace.records();
    let mut count = 0;
    for record in records.by_ref() {
        count += 1;
        let _ = trace.clock().realtime_ns(record.time);
        let _ = trace.clock().duration_ns(record.duration);
        assert!(record.callers().count() <= partage_trace_format::record::MAX_CALLERS + 4);
        assert!(
            record.items().count()
                <= 1 + record
                    .items()
                    .map(|item| format!("{item:?}").len())
                    .sum::<usize>()
        );
        let _ = record.name();
    }
    let _ = records.damage();
    count
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(8) {
        let len = bytes.len();
        if len <= HEADER_SIZE {
            return;
        }
        match random.below(8) {
            // The header is where a wrong number does most.
            0..=2 => bytes[random.below(HEADER_SIZE.min(len))] = random.number() as u8,
            3 | 4 => bytes[random.below(len)] = random.number() as u8,
            5 => {
                let at = random.below(len / 8) * 8;
                let value = [0, 1, u64::MAX, 1 << 63, 1 << 24, random.number()][random.below(6)];
                bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
            6 => {
                let (from, to) = (
                    random.below(len / SLOT_SIZE) * SLOT_SIZE,
                    random.below(len / SLOT_SIZE) * SLOT_SIZE,
                );
                bytes.copy_within(from..from + SLOT_SIZE, to);
            }
            _ => bytes.truncate(HEADER_SIZE / 2 + random.below(len - HEADER_SIZE / 2)),
        }
    }
}

/// The part of a file that is in use.
fn used(mut file: Vec<u8>) -> Vec<u8> {
    let cursor = Trace::parse(&file).unwrap().header().cursor as usize;
    file.truncate(HEADER_SIZE + (cursor + 2) * SLOT_SIZE);
    file
}

#[test]
fn mutated_files_never_upset_the_decoder() {
    let growing = Traced::new("calls", &[])
        .env("PARTAGE_TRACE_DEPTH", "16")
        .run();
    let ring = Traced::new("calls", &[])
        .env("PARTAGE_TRACE_RING", "64K")
        .run();
    let mut random = Random::new(0x5eed);
    for original in [used(growing.files[0].clone()), ring.files[0].clone()] {
        let whole = read_all(&original);
        assert!(whole > 60);
        let mut changed = 0;
        for _ in 0..ROUNDS {
            let mut bytes = original.clone();
            mutate(&mut bytes, &mut random);
            changed += u32::from(read_all(&bytes) != whole);
        }
        assert!(
            changed > ROUNDS / 10,
            "{changed}: the mutations change nothing"
        );
    }
}

#[test]
fn every_cut_of_a_file_gives_the_records_before_it() {
    let outcome = Traced::new("calls", &[]).run();
    let file = used(outcome.files[0].clone());
    let mut last = 0;
    for len in (0..=file.len()).step_by(8) {
        let count = read_all(&file[..len]);
        assert!(count >= last, "a longer file has no fewer records");
        last = count;
    }
    assert_eq!(last, read_all(&file));
}

#[test]
fn a_torn_record_is_counted_and_the_others_are_read() {
    let outcome = Traced::new("loop", &[]).args(&["100"]).run();
    let mut file = outcome.files[0].clone();
    let all: Vec<_> = Trace::parse(&file).unwrap().records().collect();
    let torn = &all[all.len() - 10];
    let at = HEADER_SIZE + torn.ticket as usize * SLOT_SIZE;
    file[at..at + 8].fill(0);
    let trace = Trace::parse(&file).unwrap();
    let mut records = trace.records();
    assert_eq!(records.by_ref().count(), all.len() - 1);
    assert_eq!(records.damage().torn, 1);
}
