//! What one process image holds: descriptors by number, memory by address.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::object::HoldId;
use crate::event::Stack;
use crate::module::Module;
use crate::stream::{Ending, Start};

/// A descriptor of shared memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) hold: HoldId,
    pub(super) close_on_exec: bool,
}

/// A piece of address space that a hold covers; a partial munmap leaves several of one hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) hold: HoldId,
}

/// Bytes mapped now and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Now.
    pub current: u64,
    /// At most, so far.
    pub peak: u64,
}

impl Gauge {
    pub(super) fn add(&mut self, bytes: u64) {
        self.current = self.current.saturating_add(bytes);
        self.peak = self.peak.max(self.current);
    }

    pub(super) fn remove(&mut self, bytes: u64) {
        self.current = self.current.saturating_sub(bytes);
    }
}

/// What a process holds, as a fork copies it.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    pub(super) descriptors: BTreeMap<i32, Descriptor>,
    pub(super) memory: Memory,
    /// How often the named semaphore at an address was opened.
    pub(super) semaphores: BTreeMap<u64, u32>,
}

/// One process image.
#[derive(Clone, Debug)]
pub struct Process {
    /// What is known from its start.
    pub start: Start,
    /// When it ended, in nanoseconds of `CLOCK_MONOTONIC`, and how.
    pub end: Option<(u64, Ending)>,
    /// The signal that ended it, if that is known.
    pub killed: Option<i32>,
    /// The address that it could not reach then, if it said so itself, and the hold that covers it.
    pub fault: Option<(u64, Option<HoldId>)>,
    /// Shared memory mapped.
    pub mapped: Gauge,
    /// Executable mappings, in the order in which they were found.
    pub modules: Vec<Module>,
    /// Copied stacks by their tickets.
    pub stacks: HashMap<u64, Stack>,
    /// The IPC namespace that it is in, by its inode; 0 is the one that the run began in.
    pub ipc: u64,
    /// Calls recorded.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// Calls about shared memory; the others begin and end processes.
    pub memory_calls: u64,
    pub(super) holdings: Holdings,
    /// Descriptors of vfork children, which share the memory and not these.
    pub(super) vforked: HashMap<u32, BTreeMap<i32, Descriptor>>,
}

impl Process {
    pub(super) fn new(mut start: Start) -> Self {
        let modules = std::mem::take(&mut start.modules);
        Process {
            start,
            end: None,
            killed: None,
            fault: None,
            mapped: Gauge::default(),
            modules,
            stacks: HashMap::new(),
            ipc: 0,
            calls: 0,
            errors: 0,
            memory_calls: 0,
            holdings: Holdings::default(),
            vforked: HashMap::new(),
        }
    }

    /// The program's name without its directories.
    #[must_use]
    pub fn program(&self) -> &str {
        let exe = self.start.exe.as_str();
        let exe = if exe.is_empty() {
            self.start.arguments.first().map_or("?", String::as_str)
        } else {
            exe
        };
        crate::words::file_name(exe)
    }

    /// What the program was called by, without directories: its first argument.
    #[must_use]
    pub fn called(&self) -> &str {
        let name = self.start.arguments.first();
        crate::words::file_name(name.map_or("", String::as_str))
    }

    /// The process in words: `1234 (postgres)`.
    #[must_use]
    pub fn label(&self) -> String {
        let program = crate::words::printable(self.program());
        format!("{} ({program})", self.start.pid)
    }

    /// The process with its command line: `pid 1234 (python3 test_x.py)`.
    #[must_use]
    pub fn description(&self) -> String {
        const MOST: usize = 80;
        let arguments = self.start.arguments.get(1..).unwrap_or_default();
        let mut line = self.program().to_owned();
        for argument in arguments {
            line += " ";
            line += argument;
        }
        let mut line = crate::words::printable(&line);
        if line.chars().count() > MOST {
            line = line.chars().take(MOST - 1).chain(['…']).collect();
        }
        format!("pid {} ({line})", self.start.pid)
    }
}

/// Pieces by their start; they never overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(BTreeMap<u64, Piece>);

impl Memory {
    /// The piece at an address.
    pub(super) fn at(&self, address: u64) -> Option<Piece> {
        let (_, piece) = self.0.range(..=address).next_back()?;
        (address < piece.end).then_some(*piece)
    }

    /// The first piece that meets the range.
    pub(super) fn meeting(&self, start: u64, end: u64) -> Option<Piece> {
        self.at(start)
            .or_else(|| self.0.range(start..end.max(start)).next().map(|(_, p)| *p))
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        self.0.values().copied()
    }

    pub(super) fn insert(&mut self, piece: Piece) {
        if piece.start < piece.end {
            self.0.insert(piece.start, piece);
        }
    }

    /// Takes out what lies in the range, splitting what reaches beyond it; the parts taken out.
    pub(super) fn cut(&mut self, start: u64, end: u64) -> Vec<Piece> {
        let mut taken = Vec::new();
        while let Some(piece) = self.meeting(start, end).filter(|_| start < end) {
            self.0.remove(&piece.start);
            self.insert(Piece {
                end: start.min(piece.end),
                ..piece
            });
            self.insert(Piece {
                start: end.max(piece.start),
                ..piece
            });
            taken.push(Piece {
                start: piece.start.max(start),
                end: piece.end.min(end),
                ..piece
            });
        }
        taken
    }

    /// Takes out every piece of a hold.
    pub(super) fn cut_hold(&mut self, hold: HoldId) -> Vec<Piece> {
        let taken: Vec<Piece> = self.pieces().filter(|piece| piece.hold == hold).collect();
        for piece in &taken {
            self.0.remove(&piece.start);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: u64, end: u64, hold: HoldId) -> Piece {
        Piece { start, end, hold }
    }

    #[test]
    fn cutting_splits_and_takes() {
        let mut memory = Memory::default();
        memory.insert(piece(10, 20, 0));
        memory.insert(piece(20, 30, 1));
        assert_eq!(memory.cut(15, 25), [piece(15, 20, 0), piece(20, 25, 1)]);
        let left: Vec<Piece> = memory.pieces().collect();
        assert_eq!(left, [piece(10, 15, 0), piece(25, 30, 1)]);
        assert_eq!(memory.cut(12, 13), [piece(12, 13, 0)]);
        assert_eq!(memory.pieces().count(), 3);
        assert_eq!(memory.at(12), None);
        assert_eq!(memory.cut(0, u64::MAX).len(), 3);
        assert_eq!(memory.cut(5, 5), []);
    }
}
