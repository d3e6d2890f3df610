//! Looking at a namespace from outside, as one who takes no part in it, and finding everything that is wrong.

use partage_core::inspect::{Namespace, State};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What was found.
pub type Findings = Vec<String>;

/// Every invariant of the namespace while nobody changes it: the registry's own, files against slots, and nothing
/// half-made, half-removed or kept by the dead alone.
#[must_use]
pub fn namespace(directory: &Path) -> Findings {
    let mut findings = Findings::new();
    let namespace = match Namespace::open(directory.as_os_str().as_bytes()) {
        Ok(namespace) => namespace,
        Err(error) => return vec![format!("the namespace cannot be opened: {}", error.name())],
    };
    namespace.check(|finding| findings.push(format!("{finding:?}")));
    let mut files = files_in(directory, &mut findings);
    namespace.each_slot(|slot, segment| {
        match segment.state {
            State::Removed if segment.nattch == 0 => {
                findings.push(format!(
                    "slot {slot}: removed, and kept by nobody who lives"
                ));
            }
            State::Live | State::Removed => {}
            other => findings.push(format!("slot {slot}: {other:?}")),
        }
        namespace.with_file(segment, |path| {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            if !path
                .file_name()
                .is_some_and(|name| files.remove(name.as_bytes()))
            {
                findings.push(format!("slot {slot}: {} is missing", path.display()));
            } else if let Ok(status) = path.metadata()
                && (status.mode() & 0o777 != segment.mode & 0o777 || status.uid() != segment.uid)
            {
                findings.push(format!(
                    "mode {:o} of slot {slot}, but {:o} of its file",
                    segment.mode & 0o777,
                    status.mode()
                ));
            }
        });
    });
    findings.extend(
        files
            .iter()
            .map(|name| format!("left over: {}", String::from_utf8_lossy(name))),
    );
    findings
}

/// Names of files that stand for something: all but the bookkeeping's.
fn files_in(directory: &Path, findings: &mut Findings) -> BTreeSet<Vec<u8>> {
    match directory.read_dir() {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.file_name().as_bytes().to_vec())
            .filter(|name| {
                name != b"registry" && name != b"posix" && !name.starts_with(b"members-")
            })
            .collect(),
        Err(error) => {
            findings.push(error.to_string());
            BTreeSet::new()
        }
    }
}

/// Attachments of a segment that the registry lists: of the living, and of the dead.
#[must_use]
pub fn attachments(directory: &Path, id: i32) -> (u32, u32) {
    let mut count = (0, 0);
    if let Ok(namespace) = Namespace::open(directory.as_os_str().as_bytes()) {
        namespace.each_attachment(id as u32, |attachment| {
            let side = if attachment.alive {
                &mut count.0
            } else {
                &mut count.1
            };
            *side += attachment.mappings;
        });
    }
    count
}

/// Ids of all live segments.
#[must_use]
pub fn segments(directory: &Path) -> Vec<i32> {
    let mut ids = Vec::new();
    if let Ok(namespace) = Namespace::open(directory.as_os_str().as_bytes()) {
        namespace.each_slot(|_, segment| {
            if matches!(segment.state, State::Live | State::Removed) {
                ids.push(segment.shmid as i32);
            }
        });
    }
    ids
}
