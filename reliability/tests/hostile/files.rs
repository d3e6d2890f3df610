//! What somebody with the right to change the directory can do to the files.

use partage_reliability::calls;
use partage_reliability::hostile::{TRICKS, Trick};
use partage_reliability::report::Report;
use partage_reliability::steady::in_child;
use std::fs::{self, OpenOptions};
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
