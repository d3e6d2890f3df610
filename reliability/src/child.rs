//! Children that look, and tell in lines what they found.

use crate::examine::Findings;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;

/// A pipe: the end to read from, and the one to write to.
pub(crate) fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors, each of which gets one owner.
    unsafe {
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

/// Findings, one a line, until a line with a dot; a witness that hangs or dies is a finding too.
pub(crate) fn read_findings(from: &mut impl BufRead) -> Findings {
    let mut findings = Findings::new();
    for line in from.lines() {
        match line {
            Ok(line) if line == "." => return findings,
            Ok(line) => findings.push(line),
            Err(_) => break,
        }
    }
    findings.push("the witness died or hung".to_owned());
    findings
}

pub(crate) fn write_findings(to: &mut impl Write, findings: &[String]) {
    let text: String = findings.iter().map(|line| format!("{line}\n")).collect();
    let _ = to.write_all(format!("{text}.\n").as_bytes());
}

pub(crate) fn watchdog() {
    // SAFETY: a plain number.
    unsafe { libc::alarm(60) };
}

/// What a new process finds.
pub fn in_child(look: impl FnOnce() -> Findings) -> Findings {
    let (from, mut to) = pipe();
    // SAFETY: this program has one thread; the child looks and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        watchdog();
        write_findings(&mut to, &look());
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) };
    }
    drop(to);
    let findings = read_findings(&mut BufReader::new(from));
    // SAFETY: the process is a child of ours that nobody has waited for.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    findings
}
