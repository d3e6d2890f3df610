//! A process of the run, and what is recorded of it.

use super::file::{Ticks, TraceFile};
use super::holdings::{Found, Holdings};
use super::paths::Seen;
use super::results;
use super::stacks::{Kept, Stacks};
use super::stop::{self, Place};
use crate::tracing::ipc_namespace;
use partage_report::alive;
use partage_trace_format::Call;
use partage_trace_format::header::State;
use partage_trace_format::payload::tag;
use partage_trace_format::record::{RawRecord, flag};
use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

/// A call under way, as it will be recorded.
pub(super) struct Begun {
    pub(super) seen: Seen,
    pub(super) time: u64,
    pub(super) place: Place,
}

/// A process of the run.
pub(super) struct Process {
    file: TraceFile,
    clock: Ticks,
    pub(super) holdings: Holdings,
    pub(super) parent: u32,
    /// Executable mappings of files, as recorded.
    code: Vec<[u64; 6]>,
    stacks: Stacks,
    /// Looks at them that are due because something is being loaded.
    expected: u8,
}

impl Process {
    pub(super) fn new(file: TraceFile, clock: Ticks, holdings: Holdings, parent: u32) -> Self {
        Self {
            file,
            clock,
            holdings,
            parent,
            code: Vec::new(),
            stacks: Stacks::default(),
            expected: 0,
        }
    }

    /// Adds a record; its ticket.
    fn add(&mut self, tid: i32, pid: u32, record: &RawRecord, pieces: &[(u16, &[u8])]) -> u64 {
        let now = || self.clock.now();
        let record = RawRecord {
            time: if record.time == 0 { now() } else { record.time },
            pid,
            tid: tid as u32,
            ..*record
        };
        self.file.add(&record, pieces)
    }

    /// A child was made (`child` is its pid), or this is one, and `child` is 0.
    pub(super) fn forks(&mut self, tid: i32, pid: u32, child: u32) {
        self.add(tid, pid, &plain(Call::Fork, child.into()), &[]);
    }

    /// Another program takes its place.
    pub(super) fn executes(&mut self, tid: i32, pid: u32) {
        let path = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let entered = RawRecord {
            flags: flag::ENTERED,
            ..plain(Call::Exec, 0)
        };
        let name = path.as_os_str().as_bytes();
        self.add(tid, pid, &entered, &[(tag::NAME, name)]);
        self.file.set_state(State::Executed, 0);
    }

    /// It ends, with this status of wait(2).
    pub(super) fn exits(&mut self, tid: i32, pid: u32, status: i32) {
        if libc::WIFSIGNALED(status) {
            let mut death = plain(Call::Death, 0);
            death.args = [u64::from(pid), libc::WTERMSIG(status) as u64, 0, 0, 0, 0];
            self.add(tid, pid, &death, &[]);
            return;
        }
        let code = libc::WEXITSTATUS(status);
        let mut exit = plain(Call::Exit, 0);
        exit.flags = flag::ENTERED;
        exit.args = [code as u64, 0, 0, 0, 0, 0];
        self.add(tid, pid, &exit, &[]);
        self.file.set_state(State::Exited, code);
    }

    /// A call has ended.
    pub(super) fn finish(&mut self, tid: i32, pid: u32, mut begun: Begun, result: i64) {
        const ERRORS: Range<i64> = -4095..0;
        let failed = ERRORS.contains(&result);
        let known = if failed { -1 } else { result };
        let Some(payload) = results::ends(&mut self.holdings, tid, pid, &mut begun.seen, known)
        else {
            return;
        };
        let mut pieces: Vec<(u16, &[u8])> = Vec::new();
        if let Some(name) = &begun.seen.name {
            pieces.push((tag::NAME, name));
        }
        if let Some(name) = &begun.seen.second_name {
            pieces.push((tag::SECOND_NAME, name));
        }
        if let Some((tag, bytes)) = &payload {
            pieces.push((*tag, bytes));
        }
        // sem_open gives its object the name by a link.
        let makes = begun.seen.call.takes() || matches!(begun.seen.call, Call::Link | Call::Rename);
        let stack = match makes && !failed {
            true => self.stack(tid, pid, &begun),
            false => None,
        };
        let record = RawRecord {
            time: begun.time,
            duration: self.clock.now().saturating_sub(begun.time),
            call: begun.seen.call as u16,
            errno: if failed { -result as i32 } else { 0 },
            result: if failed { -1 } else { result },
            args: begun.seen.args,
            flags: stack.map_or(0, |_| flag::STACK),
            callers: [self.caller(tid, begun.place), 0, 0, stack.unwrap_or(0)],
            ..RawRecord::default()
        };
        self.add(tid, pid, &record, &pieces);
    }

    /// A descriptor of shared memory came unseen.
    pub(super) fn found(&mut self, pid: u32, found: &Found) {
        let mut record = plain(Call::FoundFd, 0);
        record.args = [found.fd as u64, found.device, found.inode, found.size, 0, 0];
        self.add(pid as i32, pid, &record, &[(tag::NAME, &found.link)]);
    }

    /// The ticket of the stack of a call that has ended.
    fn stack(&mut self, tid: i32, pid: u32, begun: &Begun) -> Option<u64> {
        let kept = Kept::of(tid, begun.place, |address| self.is_code(address))?;
        let mut stacks = std::mem::take(&mut self.stacks);
        let ticket = stacks.ticket(kept, |kept| {
            let [stack_pointer, frame_pointer, return_address] = kept.registers;
            let record = RawRecord {
                time: begun.time,
                args: [stack_pointer, frame_pointer, return_address, 0, 0, 0],
                ..plain(Call::Stack, 0)
            };
            let pieces = [
                (tag::PLACES, kept.places.as_slice()),
                (tag::WORDS, kept.words.as_slice()),
            ];
            self.add(tid, pid, &record, &pieces)
        });
        self.stacks = stacks;
        Some(ticket)
    }

    fn is_code(&self, address: u64) -> bool {
        let mut code = self.code.iter();
        code.any(|[start, end, ..]| (start..end).contains(&&address))
    }

    /// The likely place of a call. The wrapper that makes it has few words on the stack above its return address, if
    /// any; where none of them leads into code, the wrapper itself is the place.
    fn caller(&self, tid: i32, place: Place) -> u64 {
        const TOP: usize = 128;
        let words = stop::words(tid, place.stack, TOP);
        let code = words.into_iter().find(|word| self.is_code(*word));
        code.unwrap_or(place.instruction)
    }

    /// Says in which IPC namespace it is, if that is not the run's.
    pub(super) fn look_at_ipc(&mut self, pid: u32, run: Option<u64>) {
        let now = ipc_namespace(&pid.to_string());
        if let (Some(run), Some(now)) = (run, now)
            && run != now
        {
            let mut record = plain(Call::IpcNamespace, 0);
            record.args = [now, 0, 0, 0, 0, 0];
            self.add(pid as i32, pid, &record, &[]);
        }
    }

    /// A file's code is about to be mapped: a library is being loaded.
    pub(super) fn expect_code(&mut self) {
        // Once for a look that comes too early.
        self.expected = 2;
    }

    /// Looks at what was loaded since the last look.
    pub(super) fn refresh_modules(&mut self, pid: u32) {
        if self.expected > 0 {
            self.expected -= 1;
            self.modules(pid);
        }
    }

    /// The executable mappings, so that return addresses can be named.
    pub(super) fn modules(&mut self, pid: u32) {
        let maps = alive::maps(pid);
        for line in maps.split(|byte| *byte == b'\n') {
            if let Some((args, path)) = module(line) {
                if self.code.contains(&args) {
                    continue;
                }
                self.code.push(args);
                let mut record = plain(Call::Module, 0);
                record.args = args;
                self.add(pid as i32, pid, &record, &[(tag::NAME, path)]);
            }
        }
    }
}

/// An executable mapping of a file: `start-end mode offset major:minor inode path`.
fn module(line: &[u8]) -> Option<([u64; 6], &[u8])> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut text = || std::str::from_utf8(fields.next()?).ok();
    let (start, end) = text()?.split_once('-')?;
    let executable = text()?.contains('x');
    let offset = text()?;
    let (major, minor) = text()?.split_once(':')?;
    let inode = text()?.parse().ok()?;
    let path = fields.next()?.trim_ascii_start();
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let device = libc::makedev(hex(major)? as u32, hex(minor)? as u32);
    let args = [hex(start)?, hex(end)?, hex(offset)?, device, inode, 0];
    (executable && !path.is_empty()).then_some((args, path))
}

/// A record of something that happens just now: its time comes when it is added.
fn plain(call: Call, result: i64) -> RawRecord {
    RawRecord {
        call: call as u16,
        result,
        ..RawRecord::default()
    }
}
