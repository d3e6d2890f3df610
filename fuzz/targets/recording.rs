//! Recordings of any bytes, shown in every way that there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partage_report::{Recording, image::Image};
use partage_tests::shown;

/// What a file begins with: the input is cut there into the files of several processes.
const MAGIC: &[u8] = b"PTGTRACE";
/// More files only take longer.
const FILES: usize = 4;

fn files(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = bytes
        .windows(MAGIC.len())
        .enumerate()
        .filter(|(at, word)| *at > 0 && *word == MAGIC)
        .map(|(at, _)| at);
    let mut files = Vec::new();
    let mut rest = 0;
    for start in starts.take(FILES - 1).chain([bytes.len()]) {
        files.push(bytes[rest..start].to_vec());
        rest = start;
    }
    files
}

fuzz_target!(|bytes: &[u8]| {
    let images = files(bytes)
        .into_iter()
        .map(|bytes| Image::from_bytes("1-0.ptrace".into(), bytes))
        .collect();
    shown::in_every_way(&Recording::of(images));
});
