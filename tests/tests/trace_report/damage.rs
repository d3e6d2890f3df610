//! Damaged recordings: whatever the bytes say, every format comes to its end.

use partage_report::image::Image;
use partage_report::{Model, Recording, limits};
use partage_tests::process::run_bounded;
use partage_tests::random::Random;
use partage_tests::shown::in_every_way as show;
use partage_trace_format::header::{Origin, State};
use partage_trace_format::{Call, HEADER_SIZE, SLOT_SIZE};

use crate::scene;
use crate::support::{Scratch, built};
use crate::writer::TraceFile;

const ROUNDS: u32 = 1500;

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const TELLING: [u64; 8] = [
        0,
        1,
        u64::MAX,
        1 << 63,
        1 << 62,
        0x7fff_ffff,
        0x8000_0000,
        0xfff,
    ];
    for _ in 0..=random.below(6) {
        let len = bytes.len();
        match random.below(10) {
            0 => bytes[random.below(HEADER_SIZE.min(len))] = random.number() as u8,
            1..=3 if len > HEADER_SIZE => {
                let at = HEADER_SIZE + random.below(len - HEADER_SIZE);
                bytes[at] = random.number() as u8;
            }
            4..=7 if len > HEADER_SIZE + 8 => {
                // Any field but the commit word, which only loses the record.
                let slot = HEADER_SIZE + random.below((len - HEADER_SIZE) / SLOT_SIZE) * SLOT_SIZE;
                let at = slot + 8 + random.below(SLOT_SIZE / 8 - 1) * 8;
                let value = TELLING[random.below(TELLING.len())];
                if let Some(place) = bytes.get_mut(at..at + 8) {
                    place.copy_from_slice(&value.to_le_bytes());
                }
            }
            8 if len > HEADER_SIZE => bytes.truncate(HEADER_SIZE + random.below(len - HEADER_SIZE)),
            _ => {
                let at = random.below(len / 8) * 8;
                let value = TELLING[random.below(TELLING.len())];
                if let Some(place) = bytes.get_mut(at..at + 8) {
                    place.copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

#[test]
fn mutated_recordings_never_upset_any_format() {
    let originals = scene::files();
    let image = |bytes: &Vec<u8>| Image::from_bytes("1-0.ptrace".into(), bytes.clone());
    let whole = show(&Recording::of(originals.iter().map(image).collect()));
    let mut random = Random::new(0x5eed);
    let mut changed = 0;
    for _ in 0..ROUNDS {
        let mut files = originals.clone();
        for bytes in &mut files {
            mutate(bytes, &mut random);
        }
        let length = show(&Recording::of(files.iter().map(image).collect()));
        changed += u32::from(length != whole);
    }
    assert!(
        changed > ROUNDS / 2,
        "{changed}: the mutations change nothing"
    );
}

/// A file that is read part by part, with records of several slots and torn ones wherever the parts begin and end.
#[test]
fn a_large_file_reads_as_a_small_one_does() {
    let mut file = TraceFile::new(scene::SERVER, 1, Origin::Exec, 1_000, "/srv/bin/server");
    let name = "x".repeat(300);
    for number in 0..4000 {
        match number % 7 {
            0 => file.torn(),
            1..=3 => file.named(Call::ShmOpen, &[0, 0o102, 0o600], 3, &name),
            _ => file.call(Call::Close, &[3], 0),
        };
    }
    let bytes = file.bytes(State::Exited, 0);
    let scratch = Scratch::new();
    for cut in [0, 1, SLOT_SIZE * 40 + 7] {
        let bytes = &bytes[..bytes.len() - cut];
        let path = scratch.path("5000100-0.ptrace");
        std::fs::write(&path, bytes).unwrap();
        let mut large = Image::new(path.clone());
        large.refresh(true).unwrap();
        let mut whole = Image::new(path.clone());
        whole.refresh(false).unwrap();
        assert!(large.is_open() && !whole.is_open());
        let (records, damage) = whole.records();
        let (again, same) = large.records();
        assert!(records.len() > 3000 && damage.torn > 500);
        assert_eq!(damage.missing > 0, cut > 0, "{damage:?}");
        assert_eq!((damage, damage), (same, large.damage()));
        assert_eq!(format!("{records:?}"), format!("{again:?}"));
        // What is followed comes piece by piece.
        for image in [&mut whole, &mut large] {
            let mut tickets = Vec::new();
            image.take(true, |record| tickets.push(record.ticket));
            let all: Vec<u64> = records.iter().map(|record| record.ticket).collect();
            assert_eq!(tickets, all);
            assert!(image.is_taken());
        }
    }
}

#[test]
fn what_is_no_trace_is_told() {
    for bytes in [
        vec![],
        vec![0; 100],
        vec![0; HEADER_SIZE],
        b"PTGTRACE".repeat(1000),
    ] {
        let recording = Recording::of(vec![Image::from_bytes("9-0.ptrace".into(), bytes)]);
        let remarks = limits::remarks(&recording, &Model::of(&recording));
        assert!(
            remarks
                .iter()
                .any(|remark| remark.starts_with("9-0.ptrace: ")),
            "{remarks:?}"
        );
        show(&recording);
    }
}

#[test]
#[ignore = "writes what the fuzzer begins with, to the directory in PARTAGE_SEEDS"]
fn seeds() {
    let directory = std::path::PathBuf::from(std::env::var_os("PARTAGE_SEEDS").unwrap());
    for (number, bytes) in scene::files().iter().enumerate() {
        std::fs::write(directory.join(format!("process-{number}")), bytes).unwrap();
    }
}

/// Where no file can be made any more, that is why a program left no recording, whatever else it might have been.
#[test]
fn a_directory_that_takes_no_more_files() {
    let scratch = Scratch::new();
    let script = format!(
        "mount -t tmpfs -o nr_inodes=6 none /mnt || exit 77
        {} trace -o /mnt/rec --leaks -- sh -c 'for number in 1 2 3 4 5 6; do /bin/true; done'",
        built().command().display()
    );
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["-mr", "sh", "-c", &script]);
    let bound = std::time::Duration::from_secs(60);
    let ended = run_bounded(&mut unshare, &scratch.path("log"), bound).unwrap();
    if ended.code() == Some(77) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    let why = "ran /bin/true, which left no recording: the recording's directory has no room for another file";
    assert!(ended.output.contains(why), "{}", ended.output);
    assert!(!ended.output.contains("set-uid"), "{}", ended.output);
}
