//! Namespaces that recorded programs name themselves, by `partage run --dir` or in the environment of a program that no
//! preload reaches: the environment of `partage trace` does not tell of them, and what is left there is left by the run.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// In the directory of a recording: the directories, with a zero byte behind each.
const FILE: &str = "namespaces";

/// Leaves word of a namespace for the recording that this process is in, if it is in one. Without room for it, the recording
/// knows less.
pub(crate) fn note(directory: &Path) {
    if let Some(recording) = std::env::var_os("PARTAGE_TRACE").filter(|value| !value.is_empty()) {
        note_in(Path::new(&recording), directory);
    }
}

/// Leaves word of it in a recording.
pub(super) fn note_in(recording: &Path, directory: &Path) {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    if let Ok(mut file) = options.open(recording.join(FILE)) {
        let line = [directory.as_os_str().as_bytes(), b"\0"].concat();
        // Appended at once: others may do the same at this moment.
        let _ = file.write_all(&line);
    }
}

/// The namespaces that are noted in a recording, each once.
pub(super) fn noted(recording: &Path) -> Vec<PathBuf> {
    let text = fs::read(recording.join(FILE)).unwrap_or_default();
    let names = text
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    let mut found: Vec<PathBuf> = names.map(|name| OsStr::from_bytes(name).into()).collect();
    found.sort();
    found.dedup();
    found
}
