//! A registry's file of any size with any bytes: the input is patches to a whole one, and its length. It is opened for
//! looking, and everything in it is looked at.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partage_fuzz::namespace::Namespace;
use partage_reliability::hostile::{self, Bytes, Choices};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;

const WINDOW: usize = 1 << 20;
/// Windows that a patch can lie in.
const WINDOWS: usize = 4;

/// A directory with nothing but a registry, and the bytes of a whole one.
struct Place {
    directory: PathBuf,
    file: File,
    whole: Vec<u8>,
}

static PLACE: OnceLock<Place> = OnceLock::new();

fn prepare() -> std::io::Result<Place> {
    let namespace = Namespace::make()?;
    let whole = fs::read(namespace.directory().join("registry"))?;
    let directory = namespace.directory().with_file_name("opened");
    fs::create_dir(&directory)?;
    let file = File::create(directory.join("registry"))?;
    Ok(Place {
        directory,
        file,
        whole,
    })
}

fn write(place: &Place, bytes: &[u8]) -> std::io::Result<()> {
    let mut choices = Bytes::new(bytes);
    let len = match choices.below(8) {
        0 => choices.below(WINDOW * 2),
        1 => choices.below(2) * WINDOW * 80,
        2..=3 => WINDOW * (1 + choices.below(WINDOWS)),
        _ => WINDOW,
    };
    place.file.set_len(0)?;
    place.file.write_all_at(&place.whole, 0)?;
    place.file.set_len(len as u64)?;
    while !choices.is_empty() {
        let at = match choices.below(4) {
            0 => choices.below(152),
            1 => choices.below(WINDOW * WINDOWS),
            // Slots, members and records in use.
            2 => 270_336 + choices.below(6 * 256),
            _ => 270_336 + 512 * 256 + choices.below(512 * 32 + 16 * 64),
        };
        let patch = choices.number().to_le_bytes();
        let patch = patch.get(..1 + choices.below(8)).unwrap_or(&[]);
        if at + patch.len() <= len {
            place.file.write_all_at(patch, at as u64)?;
        }
    }
    Ok(())
}

fuzz_target!(
    init: {
        let made = prepare().expect("a registry");
        assert!(PLACE.set(made).is_ok());
    },
    |bytes: &[u8]| {
        let place = PLACE.get().expect("made at the start");
        write(place, bytes).expect("a file");
        let _ = hostile::view(&place.directory);
    }
);
