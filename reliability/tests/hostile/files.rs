//! What somebody with the right to change the directory can do to the files.

use partage_reliability::calls;
use partage_reliability::hostile::{SEGMENTS, TRICKS, Trick};
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Outside, and not to be touched.
const DECOY: &str = "/etc/passwd";

/// Each trick on a segment's file, and on the registry's; a process then makes all calls.
pub(crate) fn all(directory: &Path, report: &mut Report) {
    for trick in TRICKS {
        for finding in in_child(|| use_segment(directory, trick)) {
            report.finding(format!("segment's file {}: {finding}", trick.name));
        }
        // The registry cut short under a mapping is a fault by the kernel's rules: see the document.
        if !trick.shrinks {
            (trick.play)(&directory.join("registry"), Path::new(DECOY));
            for finding in in_child(try_calls) {
                report.finding(format!("registry {}: {finding}", trick.name));
            }
            let _ = fs::remove_dir(directory.join("registry"))
                .or_else(|_| fs::remove_file(directory.join("registry")));
        }
    }
}

/// Runs, ids and marks that name what lies beyond the end of a table lead nowhere, and give the registry no memory.
pub(crate) fn wild_indexes(directory: &Path, report: &mut Report) {
    let path = directory.join("registry");
    for finding in in_child(|| {
        let size = || path.metadata().map_or(0, |status| status.blocks());
        let Ok(id) = calls::get(libc::IPC_PRIVATE, 8192, 0o600) else {
            return vec!["cannot create".to_owned()];
        };
        let attached = calls::attach(id, 0);
        let mut findings = Vec::new();
        for slot in [600, 20_000, 32_767] {
            if calls::attach(slot, 0).is_ok() || calls::stat(slot).is_ok() {
                findings.push(format!("there is a segment {slot}"));
            }
        }
        for (what, offset) in [
            (
                "first run of the slot",
                SEGMENTS as u64 + u64::from(id as u32 & 0x7fff) * 256 + 168,
            ),
            ("mark of the slots used", 140),
        ] {
            let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else {
                return vec!["no registry".to_owned()];
            };
            let mut right = [0; 4];
            let _ = file.read_exact_at(&mut right, offset);
            if right == [0; 4] {
                findings.push(format!("{what}: it has moved"));
            }
            let before = size();
            let _ = file.write_all_at(&2_000_000u32.to_ne_bytes(), offset);
            match calls::stat(id) {
                Ok(status) if status.shm_nattch == 1 => {}
                other => findings.push(format!(
                    "{what}: {:?}",
                    other.map(|status| status.shm_nattch)
                )),
            }
            if size() != before {
                findings.push(format!("{what}: from {before} blocks to {}", size()));
            }
            let _ = file.write_all_at(&right, offset);
            let _ = partage_core::inspect::repair();
        }
        let _ = attached.and_then(calls::detach);
        let _ = calls::remove(id);
        findings
    }) {
        report.finding(format!("wild indexes: {finding}"));
    }
}

/// The calls may fail, with an errno; nothing else may happen.
fn try_calls() -> Vec<String> {
    if let Ok(id) = calls::get(libc::IPC_PRIVATE, 8192, 0o600) {
        let _ = calls::attach(id, 0).and_then(calls::detach);
        let _ = calls::remove(id);
    }
    Vec::new()
}

fn newest_file(directory: &Path, before: &[PathBuf]) -> Option<PathBuf> {
    files(directory)
        .into_iter()
        .find(|path| !before.contains(path))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    directory
        .read_dir()
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

fn use_segment(directory: &Path, trick: Trick) -> Vec<String> {
    let before = files(directory);
    let mut findings = Vec::new();
    let Ok(id) = calls::get(libc::IPC_PRIVATE, 8192, 0o600) else {
        return vec!["cannot create".to_owned()];
    };
    let Some(path) = newest_file(directory, &before) else {
        return vec!["no file".to_owned()];
    };
    (trick.play)(&path, Path::new(DECOY));
    match calls::attach(id, 0) {
        Err(libc::EIDRM | libc::EACCES | libc::ENXIO | libc::EISDIR | libc::ENODEV) => {}
        // A process that may write a file may cut it short, before or after. To touch what is gone is a fault then, as in
        // every shared mapping. Nothing is touched here.
        Ok(address) if path.metadata().is_ok_and(|status| status.is_file()) => {
            let _ = calls::detach(address);
        }
        other => findings.push(format!("shmat: {other:?}")),
    }
    if let Err(errno) = calls::stat(id) {
        findings.push(format!("IPC_STAT: errno {errno}"));
    }
    let _ = calls::remove(id);
    let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
    findings
}

/// Whether a member whose registry is cut short gets the kernel's signal for it. No file that others may write can be
/// kept from that: the harness says so instead of hiding it.
pub(crate) fn is_cut_short_fatal(directory: &Path) -> bool {
    // SAFETY: this program has one thread; the child makes calls and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let _ = try_calls();
        let registry = OpenOptions::new()
            .write(true)
            .open(directory.join("registry"));
        drop(registry.and_then(|file| file.set_len(0)));
        let _ = try_calls();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: the process is a child of ours that nobody has waited for.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGBUS
}
