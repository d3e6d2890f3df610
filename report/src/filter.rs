//! What of a recording to show.

use crate::event::Event;
use crate::model::{Kind, Object, Process};
use crate::suppress;

/// What to show; an empty list lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Calls, by name.
    pub calls: Vec<String>,
    /// Objects: `shmid 7`, `7`, `0x5eed` or `key 0x5eed`, `/name`, `memfd:name`; or a part of what a line calls them.
    pub objects: Vec<String>,
    /// Processes.
    pub pids: Vec<u32>,
    /// Programs, by the name of their file or what they call themselves; `*` stands for anything.
    pub programs: Vec<String>,
    /// Failed calls only.
    pub errors: bool,
    /// Calls that began at this time or later, in nanoseconds of `CLOCK_MONOTONIC`.
    pub since: Option<u64>,
    /// Calls that began before this time.
    pub until: Option<u64>,
}

impl Filter {
    /// Whether this call, by this process and about this object, is to be shown.
    #[must_use]
    pub fn passes(
        &self,
        event: &Event,
        process: Option<&Process>,
        object: Option<&Object>,
    ) -> bool {
        let call = event.call_name();
        event.is_call()
            && (!self.errors || event.failed())
            && self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
            && self.wants_pid(event.pid)
            && process.is_none_or(|process| self.wants_program(process))
            && (self.calls.is_empty() || self.calls.iter().any(|name| name == call))
            && (self.objects.is_empty() || object.is_some_and(|object| self.wants(object)))
    }

    /// Whether this object is to be shown.
    #[must_use]
    pub fn wants(&self, object: &Object) -> bool {
        self.objects.is_empty() || self.objects.iter().any(|wanted| is_meant(wanted, object))
    }

    /// Whether this process is to be shown.
    #[must_use]
    pub fn wants_process(&self, process: &Process) -> bool {
        self.wants_pid(process.start.pid) && self.wants_program(process)
    }

    /// Whether processes of this number are to be shown.
    pub(crate) fn wants_pid(&self, pid: u32) -> bool {
        self.pids.is_empty() || self.pids.contains(&pid)
    }

    fn wants_program(&self, process: &Process) -> bool {
        /// The kernel keeps so much of a command's name, which is what ps shows.
        const KEPT: usize = 15;
        let mut names = [process.program(), process.called()].into_iter();
        let is = |pattern: &str, name: &str| {
            let whole = suppress::matches(&format!("^{pattern}$"), name);
            whole || pattern.len() == KEPT && name.starts_with(pattern)
        };
        self.programs.is_empty()
            || names.any(|name| self.programs.iter().any(|pattern| is(pattern, name)))
    }
}

fn is_meant(wanted: &str, object: &Object) -> bool {
    if let Kind::Segment { shmid, key } = object.kind {
        let number = |word: &str| match word.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(|key| key as i32),
            None => word.parse().ok(),
        };
        if let Some(id) = wanted.strip_prefix("shmid ") {
            return number(id) == Some(shmid);
        }
        if let Some(word) = wanted.strip_prefix("key ") {
            return number(word).is_some() && number(word) == key;
        }
        if let Some(number) = number(wanted) {
            return if wanted.starts_with("0x") {
                key == Some(number)
            } else {
                shmid == number
            };
        }
    }
    match &object.kind {
        Kind::Named(name) => name.trim_start_matches('/') == wanted.trim_start_matches('/'),
        _ => object.name().contains(wanted),
    }
}
