//! What somebody with the right to change the directory can do to the files.

use partage_reliability::calls;
use partage_reliability::hostile::{TRICKS, Trick};
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Outside, and not to be touched.
const DECOY: &str = "/etc/passwd";
/// Where the slots begin in the registry.
const SLOTS: u64 = 4096 + 65_536 * 4 + 4096;

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

/// Links, ids and marks that name what was never used do not make the registry larger.
pub(crate) fn wild_indexes(directory: &Path, report: &mut Report) {
    let path = directory.join("registry");
    for finding in in_child(|| {
        let size = || path.metadata().map_or(0, |status| status.len());
        let Ok(id) = calls::get(libc::IPC_PRIVATE, 8192, 0o600) else {
            return vec!["cannot create".to_owned()];
        };
        let attached = calls::attach(id, 0);
        let before = size();
        let mut findings = Vec::new();
        for slot in [600, 20_000, 32_767] {
            if calls::attach(slot, 0).is_ok() || calls::stat(slot).is_ok() {
                findings.push(format!("there is a segment {slot}"));
            }
        }
        for (what, offset) in [
            (
                "head of a list",
                SLOTS + u64::from(id as u32 & 0x7fff) * 256 + 8,
            ),
            ("mark of records", 132),
        ] {
            let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else {
                return vec!["no registry".to_owned()];
            };
            let _ = file.write_all_at(&1_000_000u32.to_ne_bytes(), offset);
            match calls::stat(id) {
                Ok(status) if status.shm_nattch == 1 => {}
                other => findings.push(format!(
                    "{what}: {:?}",
                    other.map(|status| status.shm_nattch)
                )),
            }
            let _ = partage_core::inspect::repair();
        }
        let _ = attached.and_then(calls::detach);
        let _ = calls::remove(id);
        if size() != before {
            findings.push(format!("the registry grew from {before} to {}", size()));
        }
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
        // Whoever may write a file may cut it short, before or after: touching what is gone is a fault then, as with
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
