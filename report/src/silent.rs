//! Processes of a run that have no file so far: children of forks, which have their parent's mapped as well, and programs
//! that are just starting, which their environment or their command line tells.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use partage_trace_format::SUFFIX;

use crate::alive;
use crate::image::Image;

/// Those that run, as far as the system lets look at them.
pub(crate) fn running(images: &[Image], directory: Option<&Path>) -> Vec<u32> {
    let run = Run {
        owners: images
            .iter()
            .filter_map(|image| Some((image.path().file_name()?, image.header()?.pid)))
            .collect(),
        directory: directory.map(|path| path.as_os_str().as_bytes()),
    };
    if run.owners.is_empty() && run.directory.is_none() {
        return Vec::new();
    }
    let all = pids();
    let ways = all.iter().filter_map(|pid| Some((*pid, run.way(*pid)?)));
    let ways: Vec<(u32, Way)> = ways.collect();
    let tracers = match ways.iter().any(|(_, way)| *way == Way::StandIn) {
        true => tracers(&all),
        false => HashSet::new(),
    };
    let counted = |(pid, way): &(u32, Way)| *way == Way::Program || !tracers.contains(pid);
    let running = ways.into_iter().filter(counted);
    running.map(|(pid, _)| pid).collect()
}

fn pids() -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.collect()
}

/// Who traces a process: that one runs on, and its tracer is not the run's.
fn tracers(pids: &[u32]) -> HashSet<u32> {
    let tracer = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("TracerPid:"))?;
        line.trim().parse().ok()
    };
    pids.iter().filter_map(tracer).collect()
}

/// How a process belongs to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As the child of a recorded one, or with the recorder in its environment.
    Program,
    /// As the command that becomes a program, or traces it.
    StandIn,
}

/// What makes a process known as one of the run.
struct Run<'r> {
    /// The files that were read, and whose they are.
    owners: HashMap<&'r OsStr, u32>,
    directory: Option<&'r [u8]>,
}

impl Run<'_> {
    /// How a process belongs to the run, unless it speaks for itself by a file that was read.
    fn way(&self, pid: u32) -> Option<Way> {
        let read = |name| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let mut speaks = false;
        for path in alive::maps(pid)
            .split(|byte| *byte == b'\n')
            .filter_map(path_of)
        {
            match self.owner(path) {
                Some(owner) if owner == pid => speaks = true,
                None if !self.is_file(path) => {}
                _ => return Some(Way::Program),
            }
        }
        if speaks {
            None
        } else if self.is_told(&read("environ")) {
            Some(Way::Program)
        } else {
            self.is_stand_in(&read("cmdline")).then_some(Way::StandIn)
        }
    }

    /// Whose file a path is, of those that were read.
    fn owner(&self, path: &[u8]) -> Option<u32> {
        let name = Path::new(OsStr::from_bytes(path)).file_name()?;
        self.owners.get(name).copied()
    }

    /// Whether a path is that of a trace file of this run.
    fn is_file(&self, path: &[u8]) -> bool {
        let inside = self
            .directory
            .and_then(|directory| path.strip_prefix(directory));
        inside.is_some_and(|name| name.starts_with(b"/") && name.ends_with(SUFFIX.as_bytes()))
    }

    /// Whether an environment makes a program record here.
    fn is_told(&self, environment: &[u8]) -> bool {
        let mut entries = environment.split(|byte| *byte == 0);
        entries.any(|entry| {
            let value = entry.strip_prefix(b"PARTAGE_TRACE=");
            value.is_some() && value == self.directory
        })
    }

    /// Whether a command line is that by which a recorder has a program recorded from outside.
    fn is_stand_in(&self, command: &[u8]) -> bool {
        let mut words = command.split(|byte| *byte == 0).skip(1);
        words.next() == Some(b"trace-outside") && words.next() == self.directory
    }
}

/// The path in a line of a process's mappings.
fn path_of(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b" (deleted)").unwrap_or(line);
    line.get(line.iter().position(|byte| *byte == b'/')?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run<'static> {
        Run {
            owners: HashMap::from([(OsStr::new("7-0.ptrace"), 7)]),
            directory: Some(b"/tmp/rec"),
        }
    }

    #[test]
    fn a_line_tells_whose_file_is_mapped() {
        let of = |path: &str| {
            let line = format!("7f00-7f10 rw-s 00000000 00:2d 5      {path}");
            path_of(line.as_bytes()).map(|path| (run().owner(path), run().is_file(path)))
        };
        assert_eq!(of("/tmp/rec/7-0.ptrace"), Some((Some(7), true)));
        assert_eq!(of("/tmp/rec/7-0.ptrace (deleted)"), Some((Some(7), true)));
        assert_eq!(of("/tmp/rec/17-0.ptrace"), Some((None, true)));
        assert_eq!(of("/tmp/record/17-0.ptrace"), Some((None, false)));
        assert_eq!(of("[heap]"), None);
    }

    #[test]
    fn a_program_that_starts_is_told_by_its_environment() {
        assert!(run().is_told(b"HOME=/\0PARTAGE_TRACE=/tmp/rec\0"));
        assert!(!run().is_told(b"PARTAGE_TRACE=/tmp/record\0PARTAGE_TRACE_DEPTH=1\0"));
        assert!(
            !Run {
                directory: None,
                ..run()
            }
            .is_told(b"HOME=/\0")
        );
    }

    #[test]
    fn a_stand_in_is_told_by_its_command_line() {
        assert!(run().is_stand_in(b"partage\0trace-outside\0/tmp/rec\0monotonic\0./a\0"));
        assert!(!run().is_stand_in(b"partage\0trace-outside\0/tmp/else\0monotonic\0./a\0"));
        assert!(!run().is_stand_in(b"grep\0trace-outside\0"));
    }
}
