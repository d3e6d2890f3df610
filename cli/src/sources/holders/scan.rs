//! The look at all processes.

use super::descriptors;
use super::traces::{OBJECTS, Traces};
use super::{FileId, Hold, Person, attachment};
use crate::model::{Attachment, Process};
use crate::sources::{maps, process};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The directory of a namespace's objects.
const POSIX: &[u8] = b"/posix/";

const MEMFD: &[u8] = b"/memfd:";

/// Addresses and processes, by how the processes number themselves.
type Index = HashMap<i32, Vec<(u64, i32)>>;

/// What all processes held at one moment, as far as this user may look.
#[derive(Default)]
pub(crate) struct Scan {
    holds: HashMap<FileId, Vec<Hold>>,
    /// Files without a name that were seen on the way.
    pub(super) traces: HashMap<FileId, Traces>,
    /// Registries of namespaces that some process has mapped: the path that it has there, and the
    /// process.
    pub(in crate::sources) registries: HashMap<FileId, (PathBuf, i32)>,
    /// Where the objects of this mount namespace are.
    here: Option<u64>,
    people: RefCell<HashMap<i32, Person>>,
    indices: RefCell<HashMap<FileId, Index>>,
    /// Processes that this user may not look into.
    pub(crate) unseen: usize,
}

impl Scan {
    /// Looks at every process that `/proc` has.
    pub(crate) fn of_all() -> Self {
        let mut scan = Self {
            here: Traces::device_here(),
            ..Self::default()
        };
        for pid in process::all() {
            match scan.look_at(pid) {
                Err(why) if process::is_refusal(&why) => scan.unseen += 1,
                // A process that ends meanwhile holds nothing.
                _ => {}
            }
        }
        scan
    }

    /// Mappings and descriptors of a process.
    fn look_at(&mut self, pid: i32) -> io::Result<()> {
        let Some(who) = process::teller(pid) else {
            return Ok(());
        };
        let table = fs::read(format!("/proc/{who}/maps"))?;
        self.add_mappings(pid, &who, &table);
        for (file, hold) in descriptors::of(pid, &who, &mut self.traces, self.here)? {
            let holds = self.holds.entry(file).or_default();
            // Who maps it holds it already; a lock is worth saying.
            if hold.locked || !holds.iter().any(|other| other.pid == pid) {
                holds.push(hold);
            }
        }
        Ok(())
    }

    /// Neighbouring mappings of one file in a process count as one: mprotect and mlock of a part
    /// split what was mapped at once.
    fn add_mappings(&mut self, pid: i32, who: &str, table: &[u8]) {
        let mut last_end = 0;
        let mut ipc = None;
        for line in table.split(|byte| *byte == b'\n') {
            let Some(mut mapping) = maps::parse(line) else {
                continue;
            };
            if mapping.private && !self.is_of_objects(&mapping) {
                continue;
            }
            if mapping.path.starts_with(b"/SYSV") {
                let ipc = *ipc.get_or_insert_with(|| process::namespace(who, "ipc").unwrap_or(0));
                mapping.file = FileId {
                    device: 0,
                    ipc,
                    ..mapping.file
                };
            }
            if mapping.path.ends_with(b"/registry") {
                let path = PathBuf::from(OsStr::from_bytes(mapping.path));
                self.registries.entry(mapping.file).or_insert((path, pid));
            }
            Traces::note_mapping(&mut self.traces, who, &mapping, self.here);
            let holds = self.holds.entry(mapping.file).or_default();
            match holds.last_mut() {
                Some(last) if last.pid == pid && last_end == mapping.start => {
                    last.mappings += 1;
                    last.read_only &= !mapping.writable;
                    last.private &= mapping.private;
                }
                _ => holds.push(Hold {
                    pid,
                    address: mapping.start,
                    read_only: !mapping.writable,
                    mappings: 1,
                    descriptor: None,
                    locked: false,
                    private: mapping.private,
                }),
            }
            last_end = mapping.end;
        }
    }

    /// Whether a mapping is of shared memory: a private one keeps it, too. Of other files, such as libraries, there
    /// are many.
    fn is_of_objects(&self, mapping: &maps::Mapping) -> bool {
        self.here == Some(mapping.file.device)
            || [OBJECTS, MEMFD]
                .iter()
                .any(|start| mapping.path.starts_with(start))
            || mapping.path.windows(POSIX.len()).any(|part| part == POSIX)
    }

    /// Whether there is no process that could hold something unseen.
    pub(crate) fn sees_all(&self) -> bool {
        self.unseen == 0 && process::all_are_listed()
    }

    /// Who holds a file.
    pub(crate) fn holders(&self, file: FileId) -> Vec<Attachment> {
        let holds = self.holds.get(&file).into_iter().flatten();
        holds
            .map(|hold| attachment(hold, self.person(hold.pid)))
            .collect()
    }

    /// Those who have a file open without mapping it.
    pub(crate) fn openers(&self, file: FileId) -> Vec<Attachment> {
        let mut holders = self.holders(file);
        holders.retain(|holder| holder.mappings == 0);
        holders
    }

    /// The processes that have a file mapped and number themselves `inner_pid`, those first that
    /// have it mapped at `address`.
    pub(crate) fn candidates(&self, file: FileId, inner_pid: i32, address: u64) -> Vec<i32> {
        let mut indices = self.indices.borrow_mut();
        let index = indices.entry(file).or_insert_with(|| self.index(file));
        let places = index.get(&inner_pid).into_iter().flatten();
        let mut found: Vec<(bool, i32)> = places
            .map(|(place, pid)| (*place != address, *pid))
            .collect();
        found.sort_unstable();
        let mut seen = HashSet::new();
        let pids = found.into_iter().map(|(_, pid)| pid);
        pids.filter(|pid| seen.insert(*pid)).collect()
    }

    /// Where who has a file mapped, by how he numbers himself.
    fn index(&self, file: FileId) -> Index {
        let mut index = Index::new();
        let holds = self.holds.get(&file).into_iter().flatten();
        for hold in holds.filter(|hold| hold.mappings > 0) {
            let inner = self.person(hold.pid).inner_pid;
            index
                .entry(inner)
                .or_default()
                .push((hold.address, hold.pid));
        }
        index
    }

    /// The one process that holds `file`, numbers itself `inner_pid`, and was there at `moment`.
    pub(crate) fn the_one(&self, file: FileId, inner_pid: i32, moment: i64) -> Option<Process> {
        let mut pids = self.candidates(file, inner_pid, 0);
        pids.retain(|pid| process::was_there(*pid, moment));
        let [pid] = pids[..] else { return None };
        Some(Process {
            pid,
            command: self.person(pid).command,
        })
    }

    /// A holder of this description in the process `pid`.
    pub(crate) fn name(&self, pid: i32, holder: Attachment) -> Attachment {
        let person = self.person(pid);
        Attachment {
            pid: Some(pid),
            inner_pid: (person.inner_pid != pid).then_some(person.inner_pid),
            container: person.container,
            namespaces: person.namespaces,
            command: person.command,
            ..holder
        }
    }

    fn person(&self, pid: i32) -> Person {
        let mut people = self.people.borrow_mut();
        people.entry(pid).or_insert_with(|| Person::of(pid)).clone()
    }
}
