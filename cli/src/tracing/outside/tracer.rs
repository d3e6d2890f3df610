//! One stop after the other.

use super::calls;
use super::file::{Ticks, TraceFile};
use super::holdings::Holdings;
use super::process::{Begun, Process};
use super::stop::{self, GoOn, Moment, event};
use crate::tracing::ipc_namespace;
use partage_trace_format::header::Origin;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is known of all tracees.
pub(super) struct Tracer {
    directory: PathBuf,
    clock: Ticks,
    processes: HashMap<u32, Process>,
    /// Thread → process.
    threads: HashMap<i32, u32>,
    /// Calls under way, by thread.
    calls: HashMap<i32, Begun>,
    /// Threads and their processes that were seen before their makers told of them. They may have ended before that.
    unannounced: HashMap<i32, u32>,
    /// Threads that are about to end.
    exiting: HashSet<i32>,
    /// How threads go on: freely under the filter, else to their next call.
    pace: GoOn,
    /// The IPC namespace of the run; None if it does not matter.
    ipc: Option<u64>,
    /// Set when everybody is let go.
    leaving: bool,
    /// The first file that could not be made.
    failure: Option<io::Error>,
}

impl Tracer {
    /// Writes into this directory; whether the tracees run under the filter.
    pub(super) fn new(directory: &Path, filtered: bool, clock: Ticks) -> Self {
        Self {
            directory: directory.to_path_buf(),
            clock,
            processes: HashMap::new(),
            threads: HashMap::new(),
            calls: HashMap::new(),
            unannounced: HashMap::new(),
            exiting: HashSet::new(),
            pace: if filtered { GoOn::Freely } else { GoOn::ToCall },
            ipc: run_ipc_namespace(),
            leaving: false,
            failure: None,
        }
    }

    /// Whether nobody is left.
    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// What went wrong.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// A program that is about to be started: its file begins with its exec.
    pub(super) fn expect(&mut self, pid: u32) {
        self.threads.insert(pid as i32, pid);
    }

    /// A running process of these threads.
    pub(super) fn take_hold(&mut self, pid: u32, tid: i32) {
        self.threads.insert(tid, pid);
        if !self.processes.contains_key(&pid) {
            self.begin(pid, Origin::Exec, None);
            if let Some(process) = self.processes.get_mut(&pid) {
                process.holdings.find_mappings(pid);
            }
        }
    }

    /// Lets all processes go. One that does not stop by itself is stopped.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        for tid in self.threads.keys() {
            // One that has ended meanwhile needs none.
            let _ = stop::interrupt(*tid);
        }
    }

    /// A thread has ended.
    pub(super) fn ended(&mut self, tid: i32) {
        self.calls.remove(&tid);
        self.exiting.remove(&tid);
        let Some(pid) = self.threads.remove(&tid) else {
            return;
        };
        if !self.threads.values().any(|other| *other == pid) {
            self.processes.remove(&pid);
        }
    }

    /// A thread has stopped, with this status of wait(2): takes in why, and lets it go on.
    pub(super) fn stopped(&mut self, tid: i32, status: i32) {
        let (signal, what) = (libc::WSTOPSIG(status), status >> 16);
        if let Some(pid) = self.know(tid) {
            self.unannounced.insert(tid, pid);
        }
        let on_call = what == event::SECCOMP || what == 0 && signal == libc::SIGTRAP | 0x80;
        // A stop of ptrace's own, or the signal that the thread is about to get.
        let pending = if what == 0 && !on_call { signal } else { 0 };
        let mut how = if self.calls.contains_key(&tid) {
            GoOn::ToCall
        } else {
            self.pace
        };
        if on_call {
            how = self.on_call(tid);
        } else {
            match what {
                event::FORK | event::VFORK | event::CLONE => self.forked(tid),
                event::EXEC => self.executed(tid),
                event::EXIT => self.exits(tid),
                event::STOP if is_job_control(signal) => how = GoOn::Stopped,
                _ => {}
            }
        }
        if self.leaving {
            stop::detach(tid, pending);
            self.threads.remove(&tid);
            self.calls.remove(&tid);
        } else {
            stop::go_on(tid, how, pending);
        }
    }

    /// Makes a new thread or process known at its first stop, which may come before its parent's; its process, unless
    /// it was known before.
    fn know(&mut self, tid: i32) -> Option<u32> {
        if self.threads.contains_key(&tid) {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u32>().ok())
        };
        let pid = field("Tgid:").unwrap_or(tid as u32);
        self.threads.insert(tid, pid);
        if !self.processes.contains_key(&pid) {
            let parent = field("PPid:").unwrap_or(0);
            self.begin(pid, Origin::Fork, Some(parent));
        }
        Some(pid)
    }

    /// A new image: its file, where its code lies, what it has open.
    fn begin(&mut self, pid: u32, origin: Origin, parent: Option<u32>) {
        let parent = parent.unwrap_or_else(|| parent_of(pid));
        let file = match TraceFile::create(&self.directory, pid, parent, origin, self.clock) {
            Ok(file) => file,
            Err(why) => {
                self.failure.get_or_insert(why);
                return;
            }
        };
        let inherited = self.processes.get(&parent);
        let holdings = match (origin, inherited) {
            (Origin::Fork, Some(parent)) => parent.holdings.clone(),
            _ => Holdings::default(),
        };
        let mut process = Process::new(file, self.clock, holdings, parent);
        process.modules(pid);
        process.look_at_ipc(pid, self.ipc);
        if origin == Origin::Fork {
            process.forks(pid as i32, pid, 0);
        } else {
            for found in process.holdings.examine_all(pid) {
                process.found(pid, &found);
            }
        }
        self.processes.insert(pid, process);
    }

    /// A call begins or ends.
    fn on_call(&mut self, tid: i32) -> GoOn {
        let Some(pid) = self.threads.get(&tid).copied() else {
            return self.pace;
        };
        let Some(process) = self.processes.get_mut(&pid) else {
            return self.pace;
        };
        match stop::moment(tid) {
            Some(Moment::Begins(number, args, place)) => {
                if calls::loads_code(number, args) {
                    process.expect_code();
                }
                let (begun, found) = calls::begins(&mut process.holdings, tid, pid, number, args);
                if let Some(found) = found {
                    process.found(pid, &found);
                }
                let Some(seen) = begun else {
                    return self.pace;
                };
                process.refresh_modules(pid);
                let begun = Begun {
                    seen,
                    time: self.clock.now(),
                    place,
                };
                self.calls.insert(tid, begun);
                GoOn::ToCall
            }
            Some(Moment::Ends(result)) => {
                if let Some(begun) = self.calls.remove(&tid) {
                    process.finish(tid, pid, begun, result);
                }
                self.pace
            }
            None => self.pace,
        }
    }

    /// A process or thread was made: for a process, the parent's side of it.
    fn forked(&mut self, tid: i32) {
        let child = stop::message(tid) as i32;
        let announced = self.unannounced.remove(&child);
        let of_child = announced.or_else(|| self.know(child));
        let of_child = of_child.or_else(|| self.threads.get(&child).copied());
        let (Some(pid), Some(of_child)) = (self.threads.get(&tid).copied(), of_child) else {
            return;
        };
        if pid != of_child
            && let Some(process) = self.processes.get_mut(&pid)
        {
            process.forks(tid, pid, of_child);
        }
    }

    /// Another program has taken the place of this one, and all its threads but one have gone.
    fn executed(&mut self, tid: i32) {
        let pid = tid as u32;
        self.threads.retain(|other, of| *of != pid || *other == tid);
        self.calls.remove(&tid);
        let parent = self.processes.get(&pid).map(|process| process.parent);
        if let Some(mut process) = self.processes.remove(&pid) {
            process.executes(tid, pid);
        }
        self.begin(pid, Origin::Exec, parent);
    }

    /// A thread is about to end; the last one tells how its process does.
    fn exits(&mut self, tid: i32) {
        let status = stop::message(tid) as i32;
        let Some(pid) = self.threads.get(&tid).copied() else {
            return;
        };
        self.exiting.insert(tid);
        let others = self
            .threads
            .iter()
            .any(|(other, of)| *of == pid && !self.exiting.contains(other));
        // A thread's end says nothing of its process, unless it is the last one.
        if !others && let Some(process) = self.processes.get_mut(&pid) {
            process.exits(tid, pid, status);
        }
    }
}

/// As the recorder was told, or where this process is.
fn run_ipc_namespace() -> Option<u64> {
    let told = std::env::var("PARTAGE_TRACE_IPC");
    let told = told.ok().and_then(|inode| inode.parse().ok());
    told.or_else(|| ipc_namespace("self"))
}

fn parent_of(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

fn is_job_control(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU
    )
}
